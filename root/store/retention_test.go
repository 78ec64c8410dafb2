package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// inFiles tells which files of a folder hold a text, in any case.
func inFiles(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(bytes.ToLower(data), []byte(strings.ToLower(text))) {
			found = append(found, f.Name())
		}
	}
	return found
}

const (
	person = "Some.Body@person.example"
	home   = "198.51.100.77"
)

func from(n int, email string) store.Request {
	return store.Request{
		Server: serverlist.Server{Name: fmt.Sprint("N", n), Game: "g", Addresses: []string{fmt.Sprintf("h%d.example.net:1", n)}},
		Email:  email, Source: netip.MustParseAddr(home), Token: store.NewToken().Hash(),
	}
}

// crowd fills a store with others, before and after the person, and returns the
// ids of the person's registrations: pending, approved, rejected.
func crowd(t *testing.T, s store.Store) (pending, approved, rejected string) {
	t.Helper()
	ids := make([]string, 0, 3)
	for n := range 60 {
		r := from(n, fmt.Sprintf("u%d@example.net", n))
		if n%20 == 10 {
			r.Email = person
		} else {
			r.Source = netip.MustParseAddr("192.0.2.1")
		}
		reg, err := s.Register(t.Context(), r, store.Limits{Queue: -1})
		if err != nil {
			t.Fatal(err)
		}
		if r.Email == person {
			ids = append(ids, reg.ID)
		}
	}
	if _, err := s.Approve(t.Context(), store.Approval{Registration: ids[1], Entry: "theirs", Admin: "alice"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reject(t.Context(), ids[2], "no", "alice"); err != nil {
		t.Fatal(err)
	}
	err := s.PutMessages(t.Context(), []store.Message{
		{Key: "k1 " + person, Recipient: strings.ToLower(person), Subject: "s", Body: "b"},
		{Key: "k2", Recipient: "admin@example.org", Subject: "s", Body: "from " + person},
		{Key: "k3", Recipient: "admin@example.org", Subject: "s", Body: "b"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for v := range int64(3) { // which drops the documents of old ones
		err := s.PublishEdition(t.Context(), v, store.Edition{Type: serverlist.TypeServerList, Version: v + 1, Issued: time.Unix(v+1, 0), Head: []byte("h"), Document: []byte("d")})
		if err != nil {
			t.Fatal(err)
		}
	}
	return ids[0], ids[1], ids[2]
}

func openIn(t *testing.T, dir string, now func() time.Time) store.Store {
	t.Helper()
	s, err := store.OpenSQLite(t.Context(), store.Config{Path: filepath.Join(dir, "x.db"), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestForgetEmail: not a byte of the address is left, in the file or its log.
func TestForgetEmail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir, nil)
	pending, approved, rejected := crowd(t, s)
	if len(inFiles(t, dir, person)) == 0 {
		t.Fatal("the address is not in the files, so that its absence would say nothing")
	}
	before, _ := s.Counts(t.Context())
	got, err := s.Forget(t.Context(), store.Person{Email: strings.ToUpper(person)}, "alice")
	if err != nil {
		t.Fatal(err)
	}
	if got.Removed != 2 || got.Blanked != 1 || got.Messages != 2 || !slices.Equal(got.Entries, []string{"theirs"}) || got.Records != 0 {
		t.Errorf("%+v", got)
	}
	for what, text := range map[string]string{"address": person, "source": home} {
		if files := inFiles(t, dir, text); files != nil {
			t.Errorf("the %s is still in %v", what, files)
		}
	}
	for _, id := range []string{pending, rejected} {
		if _, err := s.Review(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if r, err := s.Review(t.Context(), approved); err != nil || r.Email != "" || r.Source.IsValid() {
		t.Errorf("%+v, %v", r, err)
	}
	if e, err := s.Entry(t.Context(), "theirs"); err != nil || e.State != store.EntryListed {
		t.Errorf("%+v, %v", e, err)
	}
	after, _ := s.Counts(t.Context())
	if after.Pending != before.Pending-1 || after.Messages != before.Messages-2 || after.Listed != before.Listed {
		t.Errorf("%+v, was %+v", after, before)
	}
	// The same address is a stranger to what was theirs.
	again, err := s.Register(t.Context(), from(30, person), store.Limits{Queue: -1})
	if err != nil || again.Entry != "" {
		t.Errorf("%+v, %v", again, err)
	}
	_, err = s.Forget(t.Context(), store.Person{Email: "nobody@example.net"}, "alice")
	if !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

// Who has an address that ends, or begins, like that of another keeps what is
// theirs.
func TestForgetNobodyElse(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir(), nil)
	crowd(t, s)
	others := []string{"j" + person, "the." + person, person + ".uk", person + "x"}
	for i, other := range others {
		err := s.PutMessages(t.Context(), []store.Message{{Key: "record 1 " + other, Recipient: other, Subject: "s", Body: "b"}})
		if err == nil {
			_, err = s.AddNote(t.Context(), store.Note{Kind: store.NoteEntry, About: "theirs", Admin: "alice", Text: "ask " + other + "."})
		}
		if err == nil {
			err = s.AddReport(t.Context(), store.Report{Entry: "theirs", Kind: "dead", Text: other}, netip.MustParseAddr(fmt.Sprint("192.0.2.", i)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.AddNote(t.Context(), store.Note{Kind: store.NoteEntry, About: "theirs", Admin: "alice", Text: "j" + person + " is <" + person + ">."})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Forget(t.Context(), store.Person{Email: person}, "alice")
	if err != nil || got.Messages != 2 || got.Notes != 1 || got.Reports != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if c, err := s.Counts(t.Context()); err != nil || c.Messages != 1+len(others) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestForgetSourceAndID(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir, nil)
	pending, _, _ := crowd(t, s)
	if err := s.Audit(t.Context(), audit.Event{Admin: "x", Action: "approve", Outcome: audit.Denied, Source: "203.0.113.9"}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Forget(t.Context(), store.Person{Source: netip.MustParseAddr("::ffff:" + home)}, "alice")
	if err != nil || got.Blanked != 3 || got.Removed != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if files := inFiles(t, dir, home); files != nil {
		t.Errorf("the source is still in %v", files)
	}
	if got, err := s.Forget(t.Context(), store.Person{Source: netip.MustParseAddr("203.0.113.9")}, "alice"); err != nil || got.Records != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.Forget(t.Context(), store.Person{ID: pending}, "alice"); err != nil || got.Removed != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.Forget(t.Context(), store.Person{ID: "theirs"}, "alice"); err != nil || got.Blanked != 1 || got.Entries == nil {
		t.Errorf("%+v, %v", got, err)
	}
	for _, id := range []string{"r99999", "m1", "nothing", ""} {
		if _, err := s.Forget(t.Context(), store.Person{ID: id}, "alice"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// An entry may be called like the request of somebody else.
func TestForgetAmbiguous(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir(), nil)
	pending, _, _ := crowd(t, s)
	other, err := s.Register(t.Context(), from(99, "other@example.net"), store.Limits{Queue: -1})
	if err == nil {
		_, err = s.Approve(t.Context(), store.Approval{Registration: other.ID, Entry: pending, Admin: "alice"})
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Forget(t.Context(), store.Person{ID: pending}, "alice"); !errors.Is(err, store.ErrAmbiguous) {
		t.Errorf("%s is forgotten: %v", pending, err)
	}
	if r, err := s.Review(t.Context(), pending); err != nil || r.Email != person {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestRetention lets time pass.
func TestRetention(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	s := openIn(t, dir, func() time.Time { return now })
	_, approved, rejected := crowd(t, s)
	now = now.AddDate(0, 0, 31)
	if n, err := s.ForgetSources(t.Context(), now.AddDate(0, 0, -32), 1000); err != nil || n != 0 {
		t.Errorf("too early: %d, %v", n, err)
	}
	total := 0
	for {
		n, err := s.ForgetSources(t.Context(), now.AddDate(0, 0, -30), 25)
		if err != nil || n > 25 {
			t.Fatal(n, err)
		}
		if total += n; n == 0 {
			break
		}
	}
	if total != 60 {
		t.Errorf("%d sources were forgotten", total)
	}
	if files := inFiles(t, dir, home); files != nil {
		t.Errorf("the source is still in %v", files)
	}
	if n, err := s.ForgetEmails(t.Context(), now.AddDate(0, 0, -30), 100); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if r, err := s.Review(t.Context(), rejected); err != nil || r.Email != "" {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := s.Review(t.Context(), approved); err != nil || r.Email != person {
		t.Errorf("the owner of an entry was forgotten: %+v, %v", r, err)
	}
}
