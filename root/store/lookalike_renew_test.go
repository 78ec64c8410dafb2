package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"unicode"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// TestLookAlikeTables fails when lookAlike says something else of a letter than
// it did when lookAlikeTables got its number.
func TestLookAlikeTables(t *testing.T) {
	t.Parallel()
	const want = "8e07233b1ab0a486e5ea486e91ac127f"
	h := sha256.New()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.IsLetter(r) && !unicode.In(r, unicode.Han, unicode.Hangul) || unicode.In(r, unicode.N, unicode.P, unicode.S) {
			io.WriteString(h, lookAlike(string(r))+"\n")
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)[:16]); got != want {
		t.Errorf("the letters that look alike are others now (%s, were %s): set lookAlikeTables to %d, so that stored names are compared anew, and this test to that value",
			got, want, lookAlikeTables+1)
	}
}

// madeByOthers spoils the claims of look-alike names as if other tables had made
// them, of two entries and a request, and lets a third have none.
func madeByOthers(t testing.TB, path string) {
	t.Helper()
	db := openRaw(t, path)
	defer db.Close()
	for _, statement := range []string{
		"UPDATE entry_claims SET value = 'x' || value WHERE kind = 'look-alike' AND entry <> 'server-3'",
		"DELETE FROM entry_claims WHERE kind = 'look-alike' AND entry = 'server-3'",
		"UPDATE registration_claims SET value = 'x' || value WHERE kind = 'look-alike'",
		"UPDATE counters SET value = 0 WHERE name = 'look-alike'",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func conflictsOf(t *testing.T, s Store, name, address string) (found []string) {
	t.Helper()
	r, err := s.Register(t.Context(), Request{Server: serverlist.Server{Name: name, Game: "g", Addresses: []string{address}}, Email: "m@example.org"}, Limits{Queue: -1})
	if err != nil {
		t.Fatal(err)
	}
	review, err := s.Review(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range review.Conflicts {
		if c.Kind == LooksAlike {
			found = append(found, c.Entry+c.Registration)
		}
	}
	return found
}

// TestLookAlikesAreRenewed: what older tables have made is made anew once.
func TestLookAlikesAreRenewed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "root.db")
	s, err := OpenSQLite(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for n := range 4 {
		r, err := s.Register(t.Context(), Request{Server: serverlist.Server{Name: fmt.Sprint("Server ", n+1), Game: "g",
			Addresses: []string{fmt.Sprintf("s%d.example.net:1", n)}}, Email: "a@example.org"}, Limits{Queue: -1})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	for _, id := range ids[:3] {
		if _, err := s.Approve(t.Context(), Approval{Registration: id, Admin: "alice"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	madeByOthers(t, path)
	if s, err = OpenSQLite(t.Context(), Config{Path: path}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n, want := range []string{"server-1", "server-2", "server-3", ids[3]} {
		if got := conflictsOf(t, s, fmt.Sprint("Sеrver ", n+1), fmt.Sprintf("m%d.example.org:1", n)); len(got) != 1 || got[0] != want {
			t.Errorf("a name like that of %s conflicts with %q", want, got)
		}
	}
}

// BenchmarkRenewLookAlikes measures what the first start after an update costs a
// root with 100,000 entries, of which every name is compared in another form.
func BenchmarkRenewLookAlikes(b *testing.B) {
	path := filepath.Join(b.TempDir(), "root.db")
	s, err := OpenSQLite(b.Context(), Config{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	lines := make([]Import, 100_000)
	for i := range lines {
		lines[i].Server = serverlist.Server{Name: fmt.Sprint("Server ", i), Game: "g", Addresses: []string{fmt.Sprintf("s%d.example.net:1", i)}}
	}
	if _, err := s.Import(b.Context(), lines, ImportHow{Approve: true, Admin: "alice"}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		madeByOthers(b, path)
		b.StartTimer()
		if s, err = OpenSQLite(b.Context(), Config{Path: path}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
