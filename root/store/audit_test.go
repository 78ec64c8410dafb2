package store_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// auditedDatabase returns a closed database with a log of five records, and the
// head of the log.
func auditedDatabase(t *testing.T) (path string, head audit.Hash) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.db")
	s, err := store.OpenSQLite(t.Context(), store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"r1", "r2", "r3", "r4", "r5"} {
		if err := s.Audit(t.Context(), audit.Event{Admin: "alice", Action: "approve", Outcome: audit.Done, Subject: subject}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, verifyDatabase(t, path).Head
}

func verifyDatabase(t *testing.T, path string, heads ...audit.Hash) audit.Report {
	t.Helper()
	s, err := store.OpenSQLite(t.Context(), store.Config{Path: path, MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var v audit.Verifier
	for _, h := range heads {
		v.Expect(h)
	}
	if err := s.Records(t.Context(), audit.Filter{}, func(r audit.Record) error { v.Add(r); return nil }); err != nil {
		t.Fatal(err)
	}
	return v.Report()
}

// TestAuditTampered changes the log in the file, as whoever owns the machine
// can.
func TestAuditTampered(t *testing.T) {
	t.Parallel()
	const open = "DROP TRIGGER audit_keeps; DROP TRIGGER audit_stays; "
	for statement, want := range map[string]string{
		"": "",
		"UPDATE audit SET admin = 'bob' WHERE number = 3":               "record 3 (",
		"UPDATE audit SET at = at - 3600 WHERE number = 3":              "was changed",
		"UPDATE audit SET subject = CAST(X'ff' AS TEXT) WHERE number=3": "was changed",
		"DELETE FROM audit WHERE number = 3":                            "record 3 (",
		"DELETE FROM audit WHERE number = 5":                            "the end of the log was cut off",
		"DELETE FROM audit":                                             "the end of the log was cut off",
		"UPDATE audit SET number = number + 1 WHERE number = 5":         "was changed",
		"INSERT INTO audit SELECT 6, at, 'eve', action, outcome, subject, entry, detail, change, count, source, hash, previous FROM audit WHERE number = 5": "record 6 (",
	} {
		path, head := auditedDatabase(t)
		execSQL(t, path, open+statement)
		got := verifyDatabase(t, path, head)
		var all []string
		for _, f := range got.Faults {
			all = append(all, f.String())
		}
		if text := strings.Join(all, "\n"); !strings.Contains(text, want) || (want == "") != got.Intact() {
			t.Errorf("%s: %q; want %q", statement, text, want)
		}
	}
}

// TestAuditIsAppendOnly: the database itself refuses what is not appending, and
// forgetting registrations needs no exception.
func TestAuditIsAppendOnly(t *testing.T) {
	t.Parallel()
	path, head := auditedDatabase(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"UPDATE audit SET admin = 'bob' WHERE number = 3", "DELETE FROM audit WHERE number = 3", "DELETE FROM audit",
		"UPDATE audit SET number = 9 WHERE number = 5",
	} {
		if _, err := db.Exec(statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if r := verifyDatabase(t, path, head); !r.Intact() || r.Records != 5 {
		t.Errorf("%+v", r)
	}
}

// TestAuditGoesOnAfterDamage: an admin can still work, and the hole stays.
func TestAuditGoesOnAfterDamage(t *testing.T) {
	t.Parallel()
	path, _ := auditedDatabase(t)
	execSQL(t, path, "DROP TRIGGER audit_stays; DELETE FROM audit WHERE number > 3")
	s, err := store.OpenSQLite(t.Context(), store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(s.Audit(t.Context(), audit.Event{Action: "approve", Outcome: audit.Done}), s.Close())
	if r := verifyDatabase(t, path); err != nil || len(r.Faults) != 1 || r.Faults[0].Number != 4 || r.Number != 6 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestDecisionsBecomeTheLog: what was decided before there was an audit log is
// its beginning.
func TestDecisionsBecomeTheLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	oldDatabase(t, path, 6)
	execSQL(t, path, `INSERT INTO decisions (id, at, admin, action, registration, entry, reason, change) VALUES
		(1, 1700000000, 'alice', 'approve', 'r1', 'cat', '', 1),
		(2, 1700000060, 'bob', 'revoke', 'r1', 'cat', 'ask me@example.org', 2),
		(3, 1700000120, 'carol', 'add-mirror', '', 'm1', '', 3);
		UPDATE counters SET value = 3 WHERE name = 'decision'`)
	s, err := store.OpenSQLite(t.Context(), store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.AddMirror(t.Context(), serverlist.Mirror{ID: "m2", Operator: "M", URLs: []string{"http://m2.example/"}}, "", "dave")
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if r := verifyDatabase(t, path); !r.Intact() || r.Number != 4 {
		t.Fatalf("%+v", r)
	}
	if s, err = store.OpenSQLite(t.Context(), store.Config{Path: path}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got []audit.Event
	if err := s.Records(t.Context(), audit.Filter{}, func(r audit.Record) error { got = append(got, r.Event); return nil }); err != nil {
		t.Fatal(err)
	}
	if !got[0].Time.Equal(time.Unix(1700000000, 0)) || got[0].Subject != "r1" || got[0].Entry != "cat" || got[0].Admin != "alice" || got[0].Change != 1 ||
		got[1].Detail != "ask (e-mail address)" || got[2].Subject != "m1" || got[2].Entry != "" || got[3].Subject != "m2" {
		t.Errorf("%+v", got)
	}
}
