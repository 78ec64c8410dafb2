package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/store/storetest"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// openSQLite uses a name that is hard to put into a URI.
func openSQLite(dir string, now func() time.Time) (store.Store, error) {
	return store.OpenSQLite(context.Background(), store.Config{Path: filepath.Join(dir, "a ?#%é.db"), Now: now})
}

func TestMain(m *testing.M) {
	storetest.Child(openSQLite)
	fillChild()
	goleak.VerifyTestMain(m)
}

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Contract(t, openSQLite)
}

// The database holds e-mail addresses: no file of it is for others.
func TestFileModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing on Windows")
	}
	dir := t.TempDir()
	s, err := openSQLite(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("files %v, %v; want the database, its log and the log's index", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o, want 0600", f.Name(), info.Mode().Perm())
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		cfg  store.Config
		want string
	}{
		"no path":     {store.Config{}, "required"},
		"no folder":   {store.Config{Path: filepath.Join(dir, "none", "x.db")}, "no such file"},
		"no file":     {store.Config{Path: filepath.Join(dir, "none.db"), MustExist: true}, "right data folder"},
		"no database": {store.Config{Path: garbage}, "restore it from a backup"},
		"newer":       {store.Config{Path: newerDatabase(t)}, "newer program"},
	} {
		s, err := store.OpenSQLite(t.Context(), test.cfg)
		if err == nil {
			s.Close()
			t.Errorf("%s: opened", what)
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; want %q in it", what, err, test.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a refused path left a file")
	}
}

// newerDatabase returns a database that a later version of the program has
// updated.
func newerDatabase(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := store.OpenSQLite(t.Context(), store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	execSQL(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
	return path
}

func execSQL(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(statement)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestReadCounts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a ?#%é.db")
	s, err := store.OpenSQLite(t.Context(), store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mirror := serverlist.Mirror{ID: "a", Operator: "A", URLs: []string{"http://a.example/"}}
	if _, err := s.AddMirror(t.Context(), mirror, "", "alice"); err != nil {
		t.Fatal(err)
	}
	want, err := s.Counts(t.Context())
	if err != nil || want.Mirrors != 1 {
		t.Fatal(want, err)
	}
	check := func(when string) {
		t.Helper()
		if got, err := store.ReadCounts(t.Context(), path); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", when, got, err, want)
		}
	}
	check("while it is in use")
	crashed := filepath.Join(t.TempDir(), "crashed.db")
	for _, suffix := range []string{"", "-wal"} { // as a crash leaves it
		copyFile(t, path+suffix, crashed+suffix)
	}
	if got, err := store.ReadCounts(t.Context(), crashed); err != nil || got != want {
		t.Errorf("after a crash: %+v, %v; want %+v", got, err, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check("when it is closed")
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("left beside the database: %v, %v", files, err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What cannot be read as it is stays as it is.
func TestReadCountsChangesNothing(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "x.db")
	garbage := filepath.Join(t.TempDir(), "x.db")
	for path, text := range map[string]string{empty: "", garbage: strings.Repeat("no database ", 1000)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	older := filepath.Join(t.TempDir(), "x.db")
	copyFile(t, newerDatabase(t), older)
	execSQL(t, older, "DELETE FROM goose_db_version WHERE version_id > 1")
	for path, says := range map[string]string{
		empty:            "no tables of a root",
		garbage:          "restore it from a backup",
		older:            "\"metaserver root serve\" updates them",
		newerDatabase(t): "newer program",
		empty + "no":     "no database",
	} {
		before, _ := os.ReadFile(path)
		_, err := store.ReadCounts(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want %q in it", err, says)
		}
		after, _ := os.ReadFile(path)
		files, _ := os.ReadDir(filepath.Dir(path))
		if string(after) != string(before) || len(files) > 1 {
			t.Errorf("%q: the database changed, or there are more files now: %v", says, files)
		}
	}
}

func TestTokenHides(t *testing.T) {
	t.Parallel()
	token := store.NewToken()
	secret := token.Reveal()
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(format, token); got != "[token]" {
			t.Errorf("%s shows %s", format, got)
		}
		if got := fmt.Sprintf(format, struct{ T store.Token }{token}); !strings.Contains(got, "[token]") {
			t.Errorf("%s in a struct shows %s", format, got)
		}
	}
	again, err := store.ParseToken(secret)
	if err != nil || again != token || len(secret) != 43 {
		t.Errorf("ParseToken(%q): %v", secret, err)
	}
	for _, bad := range []string{"", "x", secret[1:], secret + "A", secret[:42] + "=", secret[:42] + "\n" + secret[42:], " " + secret, secret[:42] + "_"} {
		_, err := store.ParseToken(bad)
		if err == nil {
			t.Errorf("%q was taken for a token", bad)
		} else if len(bad) > 9 && strings.Contains(err.Error(), bad[1:9]) {
			t.Errorf("the error repeats the text: %v", err)
		}
	}
	if again == store.NewToken() {
		t.Error("two new tokens are equal")
	}
}
