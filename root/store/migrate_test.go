package store

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// rowsFile holds rows of every table and column that a migration makes.
func rowsFile(version int64) string {
	return filepath.Join("testdata", "rows", fmt.Sprintf("%05d.sql", version))
}

// openRaw opens a database as it is.
func openRaw(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", fileURI(path, "foreign_keys(1)"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

// databaseOf makes a database of an older version: each migration up to it is
// applied, and then its rows are inserted.
func databaseOf(t testing.TB, version int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.db")
	db := openRaw(t, path)
	defer db.Close()
	p, err := newProvider(db)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.ListSources() {
		if s.Version > version {
			break
		}
		if _, err := p.UpTo(t.Context(), s.Version); err != nil {
			t.Fatal(err)
		}
		rows, err := os.ReadFile(rowsFile(s.Version))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), string(rows)); err != nil {
			t.Fatalf("rows of version %d: %v", s.Version, err)
		}
	}
	return path
}

// versions returns the versions of the tables, oldest first.
func versions(t testing.TB) (all []int64) {
	t.Helper()
	db := openRaw(t, filepath.Join(t.TempDir(), "x.db"))
	defer db.Close()
	p, err := newProvider(db)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.ListSources() {
		all = append(all, s.Version)
	}
	return all
}

// tables returns how many rows each table of a database has.
func tables(t testing.TB, path string) map[string]int {
	t.Helper()
	db := openRaw(t, path)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
	names, err := readRows(rows, err, func(row scanner) (name string, err error) { return name, row.Scan(&name) })
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for _, name := range names {
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+name).Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts[name] = n
	}
	return counts
}

// TestMigrations brings a database of every version up to date. All rows are
// there afterwards, it can be worked with, and a copy of before lies beside it.
func TestMigrations(t *testing.T) {
	t.Parallel()
	all := versions(t)
	for _, version := range all {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			path := databaseOf(t, version)
			before := tables(t, path)
			for name, n := range before {
				if n == 0 {
					t.Errorf("table %s has no row: add one to %s", name, rowsFile(version))
				}
			}
			s, err := OpenSQLite(t.Context(), Config{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			review, err := s.Review(t.Context(), "r1")
			if err != nil || review.Server.Name != "Cat 2" || review.Email != "cat@example.net" || review.Requests != 3 {
				t.Errorf("%+v, %v", review, err)
			}
			if e, err := s.Entry(t.Context(), "cat-1"); err != nil || e.State != EntryListed || e.Server.Name != "Cat 1" {
				t.Errorf("%+v, %v", e, err)
			}
			if e, err := s.Approve(t.Context(), Approval{Registration: "r1", Admin: "alice"}); err != nil || e.Server.ID != "cat-2" {
				t.Errorf("%+v, %v", e, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			after := tables(t, path)
			for name, n := range before {
				moved := name == "decisions" // into the audit log
				if name == "audit" {
					n += before["decisions"]
				}
				if !moved && after[name] < n && name != "registration_claims" {
					t.Errorf("table %s had %d rows and has %d", name, n, after[name])
				}
			}
			checkCopy(t, path, version, version == all[len(all)-1], before)
		})
	}
}

func checkCopy(t *testing.T, path string, version int64, newest bool, before map[string]int) {
	t.Helper()
	copied := fmt.Sprintf("%s.before-%d", path, version)
	if newest {
		if _, err := os.Stat(copied); err == nil {
			t.Error("a copy was kept although nothing was updated")
		}
		return
	}
	info, err := os.Stat(copied)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Fatalf("%v, %v", info, err)
	}
	if got, err := Check(t.Context(), copied); err != nil || got != version {
		t.Errorf("the copy has version %d, want %d: %v", got, version, err)
	}
	kept := tables(t, copied)
	for name, n := range before {
		if kept[name] != n {
			t.Errorf("table %s has %d rows in the copy, had %d", name, kept[name], n)
		}
	}
}

// TestRacingStarters: several processes that update one database at once apply
// each step once, and only the newest copy stays.
func TestRacingStarters(t *testing.T) {
	t.Parallel()
	all := versions(t)
	path := databaseOf(t, all[2])
	if err := os.WriteFile(path+".before-1", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var starters sync.WaitGroup
	for range 4 {
		starters.Go(func() {
			s, err := OpenSQLite(t.Context(), Config{Path: path})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	starters.Wait()
	db := openRaw(t, path)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT version_id FROM goose_db_version WHERE version_id > 0 ORDER BY id")
	applied, err := readRows(rows, err, func(row scanner) (v int64, err error) { return v, row.Scan(&v) })
	if err != nil || !slices.Equal(applied, all) {
		t.Errorf("applied: %v, %v; want %v", applied, err, all)
	}
	left, err := filepath.Glob(path + ".before-*")
	if want := fmt.Sprintf("%s.before-%d", path, all[2]); err != nil || len(left) != 1 || left[0] != want {
		t.Errorf("copies: %v, %v", left, err)
	}
}

// TestNewerDatabase: nothing is done to the database of a newer program, not
// even a step that it seems to lack.
func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	all := versions(t)
	path := databaseOf(t, all[0])
	db := openRaw(t, path)
	if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	before := tables(t, path)
	_, err := OpenSQLite(t.Context(), Config{Path: path})
	if err == nil || !strings.Contains(err.Error(), "newer program") || !strings.Contains(err.Error(), "99999") {
		t.Fatalf("%v", err)
	}
	if after := tables(t, path); len(after) != len(before) || after["goose_db_version"] != before["goose_db_version"] {
		t.Errorf("changed: %v, was %v", after, before)
	}
}
