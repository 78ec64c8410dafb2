package store

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// TestExamineAudit: the end of the audit log is verified as well as all of it,
// and one that was cut off is found.
func TestExamineAudit(t *testing.T) {
	t.Parallel()
	opened, err := OpenSQLite(t.Context(), Config{Path: filepath.Join(t.TempDir(), "root.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	s := opened.(*sqlStore)
	for range 12 {
		if err := s.Audit(t.Context(), audit.Event{Admin: "alice", Action: "look"}); err != nil {
			t.Fatal(err)
		}
	}
	examine := func(newest int, want string) {
		t.Helper()
		r, err := s.examineAudit(t.Context(), newest)
		if err != nil || r.Records != min(int64(newest), r.Number) {
			t.Errorf("%+v, %v", r, err)
		}
		if want == "" && r.Intact() {
			return
		}
		if len(r.Faults) != 1 || want == "" || !strings.Contains(r.Faults[0].String(), want) {
			t.Errorf("the newest %d: %v, want %q", newest, r.Faults, want)
		}
	}
	change := func(text string) {
		t.Helper()
		err := s.w.do(t.Context(), func(t *tx) error { _, err := t.exec(text); return err })
		if err != nil {
			t.Fatal(err)
		}
	}
	change("DROP TRIGGER audit_keeps") // as somebody would who owns the database
	change("DROP TRIGGER audit_stays")
	examine(100, "")
	examine(12, "")
	examine(5, "")
	change("UPDATE audit SET detail = 'x' WHERE number = 9")
	examine(100, "was changed")
	examine(5, "was changed")
	examine(2, "")
	change("UPDATE audit SET detail = '' WHERE number = 9")
	change("DELETE FROM audit WHERE number > 10")
	examine(100, "there was a record 12")
	examine(5, "there was a record 12")
}
