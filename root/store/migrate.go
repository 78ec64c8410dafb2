package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// migrate brings the tables up to date. Several processes may start at once: one
// of them does it, and the others find it done.
//
// A database of a newer program is refused before anything is done to it, and of
// one that is updated a copy is kept beside it.
func migrate(ctx context.Context, db *sql.DB, path string) error {
	p, err := newProvider(db)
	if err != nil {
		return err
	}
	have, err := versionOf(ctx, db)
	if err != nil {
		return err
	}
	if err := checkVersion(p, have); err != nil {
		return err
	}
	if have < knownVersion(p) {
		if err := update(ctx, p, db, path); err != nil {
			return err
		}
	}
	if have, err = p.GetDBVersion(ctx); err != nil {
		return err
	}
	return checkVersion(p, have)
}

// update makes the tables of a new database, and those of an old one as they are
// now.
func update(ctx context.Context, p *goose.Provider, db *sql.DB, path string) (err error) {
	unlock, err := lockUpdate(ctx, path)
	if err != nil {
		if have, e := versionOf(ctx, db); e == nil && have == knownVersion(p) {
			return nil // the lock is gone because it is done
		}
		return fmt.Errorf("waiting for another process to update the tables: %w", err)
	}
	defer func() { unlock(err == nil) }()
	if err := keepCopy(ctx, db, path, knownVersion(p)); err != nil {
		return fmt.Errorf("keeping a copy before the tables are updated: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		if cause := cannotWrite(ctx, db); cause != nil {
			err = fmt.Errorf("%w (%w)", cause, err)
		}
		return fmt.Errorf("updating the tables: %w", err)
	}
	return nil
}

// versionOf returns the version of the tables; 0: there are none.
func versionOf(ctx context.Context, db *sql.DB) (version int64, err error) {
	var tables int
	err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'goose_db_version'").Scan(&tables)
	if err != nil || tables == 0 {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	return version, err
}

// copySuffix comes between the path of a database and the version of the tables
// in a copy of it.
const copySuffix = ".before-"

// lockUpdate waits until no other process updates the tables, so that nobody
// takes half updated ones for those of the older program. The lock is that of a
// database of its own, an empty file: this works on every system. It is removed
// once the tables are up to date, when nobody has anything to do under it.
func lockUpdate(ctx context.Context, path string) (unlock func(updated bool), err error) {
	db, err := sql.Open("sqlite", fileURI(path+".update", "busy_timeout(600000)")+"&_txlock=exclusive")
	if err != nil {
		return nil, err
	}
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func(updated bool) {
		if updated {
			os.Remove(path + ".update") // where open files cannot be removed, it stays
		}
		_ = errors.Join(t.Rollback(), db.Close()) // nothing was written
	}, nil
}

// keepCopy copies a database that will be updated, so that the older program
// can be used again. Older copies go: they hold e-mail addresses, too.
func keepCopy(ctx context.Context, db *sql.DB, path string, known int64) error {
	version, err := versionOf(ctx, db)
	if err != nil || version == 0 || version == known { // a new one, or somebody else was faster
		return err
	}
	to := fmt.Sprintf("%s%s%d", path, copySuffix, version)
	temp, err := os.CreateTemp(filepath.Dir(path), durable.TempPrefix) // several processes may start at once
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if err := temp.Close(); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO $1", temp.Name()); err != nil {
		return err
	}
	if err := syncFile(temp.Name()); err != nil {
		return err
	}
	if err := durable.Rename(temp.Name(), to); err != nil {
		return err
	}
	return dropCopies(path, to)
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// dropCopies removes the copies of a database but one.
func dropCopies(path, but string) error {
	dir, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, e := range dir {
		name := filepath.Join(filepath.Dir(path), e.Name())
		if strings.HasPrefix(name, path+copySuffix) && name != but {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// cannotWrite returns why nothing can be written, as on a full disk; nil if that
// is not the matter. Package goose tells of what it could not read afterwards.
func cannotWrite(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "CREATE TABLE probe (x)"); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, "DROP TABLE probe")
	return err
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithGoMigrations(linkDecisions()))
}

// knownVersion is the version of the tables that this program makes.
func knownVersion(p *goose.Provider) int64 {
	sources := p.ListSources()
	return sources[len(sources)-1].Version
}

// checkVersion refuses tables of a newer program: writing to them could lose
// what this one does not know.
func checkVersion(p *goose.Provider, have int64) error {
	if known := knownVersion(p); have > known {
		return fmt.Errorf("its tables are of version %d, this program knows version %d: it was used by a newer program; use that, or restore a backup of before", have, known)
	}
	return nil
}
