package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// ReadCounts returns how much there is of everything in a database that may be
// in use. It opens the file for reading and changes nothing: tables of another
// version than this program's are an error.
func ReadCounts(ctx context.Context, path string) (Counts, error) {
	if err := prepareFile(Config{Path: path, MustExist: true}); err != nil {
		return Counts{}, err
	}
	counts, err := readCounts(ctx, path)
	if err != nil {
		return Counts{}, fmt.Errorf("reading the database %s: %w", path, explain(err))
	}
	return counts, nil
}

func readCounts(ctx context.Context, path string) (counts Counts, err error) {
	uri, err := readOnlyURI(path)
	if err != nil {
		return Counts{}, err
	}
	db, err := sql.Open("sqlite", uri)
	if err != nil {
		return Counts{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err := checkTables(ctx, db); err != nil {
		return Counts{}, err
	}
	return (&sqlStore{r: db}).Counts(ctx)
}

// readOnlyURI names the file for a driver that must not change it. Without a
// log beside it nobody has the database open. SQLite is told so, since it would
// otherwise make a log itself and leave it there.
func readOnlyURI(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	more := url.Values{"mode": {"ro"}}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		more.Set("immutable", "1")
	}
	return fileURI(path, "busy_timeout(10000)", "query_only(1)") + "&" + more.Encode(), nil
}

// checkTables refuses tables that this program would have to make or update.
func checkTables(ctx context.Context, db *sql.DB) error {
	p, err := newProvider(db)
	if err != nil {
		return err
	}
	have, err := tablesVersion(ctx, db)
	if err != nil {
		return err
	}
	if known := knownVersion(p); have < known {
		return fmt.Errorf("its tables are of version %d, this program's of version %d: \"metaserver root serve\" updates them when it starts", have, known)
	}
	return checkVersion(p, have)
}

// tablesVersion returns the version of the tables, and refuses a database that
// has none.
func tablesVersion(ctx context.Context, db *sql.DB) (version int64, err error) {
	var tables int
	err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'goose_db_version'").Scan(&tables)
	if err != nil {
		return 0, err
	}
	if tables == 0 {
		return 0, errors.New("it holds no tables of a root: restore it from a backup")
	}
	err = db.QueryRowContext(ctx, "SELECT MAX(version_id) FROM goose_db_version").Scan(&version)
	return version, err
}
