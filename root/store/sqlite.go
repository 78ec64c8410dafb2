package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Config configures a store.
type Config struct {
	Path      string           // required: the database file; its folder must exist
	MustExist bool             // refuse a path without a file; false: it is made, with mode 0600
	Now       func() time.Time // nil: time.Now
}

//go:embed migrations/*.sql
var migrations embed.FS

// readers is the number of connections that only read. In WAL mode they never
// wait for the writer.
const readers = 4

// sqlStore is a [Store] on database/sql. The SQL is that of SQLite and
// PostgreSQL both; what is SQLite's own is in this file and in how a writer
// begins a transaction.
type sqlStore struct {
	w   *writer
	r   *sql.DB
	now func() time.Time
}

// OpenSQLite opens the database, makes or updates its tables, and returns the
// store. It starts no goroutine of its own; concurrent calls that write share
// one transaction and one sync of the disk. Several processes may have the
// file open, all of them on this machine. While it is open SQLite keeps two
// more files beside it, PATH-wal and PATH-shm; PATH-wal holds acknowledged
// data, so never delete it or copy PATH without it.
func OpenSQLite(ctx context.Context, cfg Config) (Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := prepareFile(cfg); err != nil {
		return nil, err
	}
	s, err := openSQLite(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("opening the database %s: %w", cfg.Path, err)
	}
	return s, nil
}

// prepareFile makes the file with a mode that SQLite would not choose, since it
// holds e-mail addresses. An empty file is a valid database; the files beside
// it get the same mode.
func prepareFile(cfg Config) error {
	if cfg.Path == "" {
		return errors.New("store: Config.Path is required")
	}
	if cfg.MustExist {
		_, err := os.Stat(cfg.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no database %s: is this the right data folder? %w", cfg.Path, err)
		}
		return err
	}
	f, err := os.OpenFile(cfg.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("making the database: %w", err)
	}
	return f.Close()
}

func openSQLite(ctx context.Context, cfg Config) (*sqlStore, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, err
	}
	w, err := openWriter(ctx, path, cfg.Now)
	if err != nil {
		return nil, explain(err)
	}
	r, err := sql.Open("sqlite", fileURI(path, "busy_timeout(10000)", "query_only(1)"))
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	r.SetMaxOpenConns(readers)
	r.SetMaxIdleConns(readers)
	return &sqlStore{w, r, cfg.Now}, nil
}

// openWriter opens the database for writing and brings its tables up to date.
// synchronous(FULL) is what makes a commit durable in WAL mode; temporary data
// are kept in memory because they only serve to undo. secure_delete overwrites
// what is deleted: people who are forgotten must not be found in the file.
func openWriter(ctx context.Context, path string, now func() time.Time) (*writer, error) {
	db, err := sql.Open("sqlite", fileURI(path,
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)",
		"foreign_keys(1)", "journal_size_limit(67108864)", "temp_store(MEMORY)",
		"secure_delete(1)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db, path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	w, err := newWriter(ctx, db, now)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := w.renewLookAlikes(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// fileURI names the file for the driver, which runs the pragmas on every new
// connection.
func fileURI(path string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}
	return u.String()
}

// explain says what a failure of SQLite means to the operator.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE { // the file beside it cannot grow
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR:
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("the file is damaged or no database; restore it from a backup: %w", err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("another process has kept the database locked for more than ten seconds: %w", err)
	}
	return err
}

func (s *sqlStore) Close() error {
	return errors.Join(s.r.Close(), s.w.close())
}
