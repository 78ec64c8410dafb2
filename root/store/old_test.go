package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// oldDatabase makes a database with the tables that an older program made: the
// migrations up to this version.
func oldDatabase(t *testing.T, path string, version int) {
	t.Helper()
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) < version {
		t.Fatalf("%d migrations: %v", len(files), err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(`CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1)`)
	for i, file := range files[:version] { // in the order of their numbers
		text, readErr := os.ReadFile(file)
		_, up, _ := strings.Cut(string(text), "-- +goose Up")
		_, execErr := db.Exec(up)
		_, noteErr := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, 1)", i+1)
		err = errors.Join(err, readErr, execErr, noteErr)
	}
	if err != nil {
		t.Fatal(err)
	}
}
