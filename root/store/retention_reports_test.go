package store_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

// noted notes something down about registrations, and has an entry reported.
func noted(t *testing.T, s store.Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		_, err := s.AddNote(t.Context(), store.Note{Kind: store.NoteRegistration, About: id, Admin: "alice", Text: "knows-the-secret about " + id})
		if err != nil {
			t.Fatal(err)
		}
	}
	for source, text := range map[string]string{"192.0.2.9": "ask " + person, home: "home-report", "192.0.2.10": "other-report"} {
		if err := s.AddReport(t.Context(), store.Report{Entry: "theirs", Kind: "dead", Text: text}, netip.MustParseAddr(source)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestForgetNotesAndReports: what admins and players have written goes with the
// person.
func TestForgetNotesAndReports(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir, nil)
	pending, approved, rejected := crowd(t, s)
	noted(t, s, pending, approved, rejected)
	got, err := s.Forget(t.Context(), store.Person{Email: person}, "alice")
	if err != nil || got.Notes != 3 || got.Reports != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = s.Forget(t.Context(), store.Person{Source: netip.MustParseAddr(home)}, "alice"); err != nil || got.Reports != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{person, "knows-the-secret", "home-report"} {
		if files := inFiles(t, dir, text); files != nil {
			t.Errorf("%q is still in %v", text, files)
		}
	}
	if open, err := s.OpenReports(t.Context()); err != nil || len(open) != 1 || open[0].Text != "other-report" {
		t.Errorf("%+v, %v", open, err)
	}
}

// TestRetentionOfReports lets time pass.
func TestRetentionOfReports(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	s := openIn(t, dir, func() time.Time { return now })
	pending, approved, rejected := crowd(t, s)
	noted(t, s, pending, approved, rejected)
	if n, err := s.ResolveReports(t.Context(), "theirs", "done", "alice"); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	if err := s.AddReport(t.Context(), store.Report{Entry: "theirs", Kind: "dead", Text: "open-report"}, netip.MustParseAddr(home)); err != nil {
		t.Fatal(err)
	}
	now = now.AddDate(0, 0, 31)
	if n, err := s.ForgetReports(t.Context(), now.AddDate(0, 0, -32), 100); err != nil || n != 0 {
		t.Errorf("too early: %d, %v", n, err)
	}
	for _, want := range []int{2, 1, 0} {
		if n, err := s.ForgetReports(t.Context(), now.AddDate(0, 0, -30), 2); err != nil || n != want {
			t.Errorf("%d, want %d; %v", n, want, err)
		}
	}
	if files := inFiles(t, dir, "other-report"); files != nil {
		t.Errorf("a resolved report is still in %v", files)
	}
	if open, err := s.OpenReports(t.Context()); err != nil || len(open) != 1 {
		t.Errorf("%+v, %v", open, err)
	}
	if n, err := s.ForgetEmails(t.Context(), now.AddDate(0, 0, -30), 100); err != nil || n != 2 {
		t.Errorf("an address and a note: %d, %v", n, err)
	}
	for id, want := range map[string]int{pending: 1, approved: 1, rejected: 0} {
		if notes, err := s.Notes(t.Context(), store.NoteRegistration, id); err != nil || len(notes) != want {
			t.Errorf("%s: %+v, %v", id, notes, err)
		}
	}
}
