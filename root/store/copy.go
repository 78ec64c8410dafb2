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
	"time"
)

// CopyConfig says what to copy.
type CopyConfig struct {
	From string // required: the database file, which another process may be writing to
	To   string // required: a path where no file is; its folder must exist

	// Unused says that no process has the database open, nor will have before
	// the copy is done. Without it SQLite needs the two files beside the
	// database, and may make them.
	Unused bool

	// Progress is called now and then with how many bytes of about how many are
	// copied; nil: not called.
	Progress func(done, total int64)
}

// Copy writes all of a database as it is at one moment into a new file with
// mode 0600. Writers are not held up, though their log cannot shrink meanwhile.
// The copy holds nothing of what was deleted, and no file beside it is needed to
// read it. With an error no copy is left.
func Copy(ctx context.Context, cfg CopyConfig) error {
	if err := prepareFile(Config{Path: cfg.From, MustExist: true}); err != nil {
		return err
	}
	f, err := os.OpenFile(cfg.To, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // SQLite takes an empty file as new
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := copyInto(ctx, cfg); err != nil {
		return errors.Join(fmt.Errorf("copying the database %s: %w", cfg.From, explain(err)), os.Remove(cfg.To))
	}
	return nil
}

func copyInto(ctx context.Context, cfg CopyConfig) (err error) {
	path, err := filepath.Abs(cfg.From)
	if err != nil {
		return err
	}
	more := url.Values{"mode": {"ro"}}
	if _, err := os.Stat(path + "-wal"); cfg.Unused && errors.Is(err, fs.ErrNotExist) {
		more.Set("immutable", "1")
	}
	// Not query_only: SQLite takes the copy for a change.
	db, err := sql.Open("sqlite", fileURI(path, "busy_timeout(10000)")+"&"+more.Encode())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	stop := watchSize(cfg)
	defer stop()
	_, err = db.ExecContext(ctx, "VACUUM INTO $1", cfg.To)
	return err
}

// watchSize tells how the copy grows until stop is called.
func watchSize(cfg CopyConfig) (stop func()) {
	info, err := os.Stat(cfg.From)
	if cfg.Progress == nil || err != nil {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
			}
			if now, err := os.Stat(cfg.To); err == nil {
				cfg.Progress(min(now.Size(), info.Size()), info.Size())
			}
		}
	}()
	return func() { close(end); <-ended }
}

// Check reads a database that nobody has open, and tells whether SQLite finds
// it whole and this program can serve from it, after updating it where it is of
// an older version. It returns the version of its tables, and changes nothing.
func Check(ctx context.Context, path string) (tables int64, err error) {
	if err := prepareFile(Config{Path: path, MustExist: true}); err != nil {
		return 0, err
	}
	tables, err = check(ctx, path)
	if err != nil {
		return 0, fmt.Errorf("checking the database %s: %w", path, explain(err))
	}
	return tables, nil
}

func check(ctx context.Context, path string) (tables int64, err error) {
	uri, err := readOnlyURI(path)
	if err != nil {
		return 0, err
	}
	db, err := sql.Open("sqlite", uri)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return 0, err
	}
	if found != "ok" {
		return 0, fmt.Errorf("it is damaged: %s", found)
	}
	p, err := newProvider(db)
	if err != nil {
		return 0, err
	}
	if tables, err = tablesVersion(ctx, db); err != nil {
		return 0, err
	}
	return tables, checkVersion(p, tables)
}
