package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

func (s *sqlStore) PublishEdition(ctx context.Context, previous int64, e Edition) error {
	now := s.now().Unix()
	return s.w.do(ctx, func(t *tx) error { return t.publish(previous, &e, now) })
}

// checkFollows refuses an edition that readers would take for an older one:
// they compare epochs, then versions.
func (t *tx) checkFollows(previous int64, e *Edition) error {
	if e.Version > previous {
		return nil
	}
	var epoch int64
	err := t.row("SELECT epoch FROM editions WHERE type = $1 AND version = $2", e.Type, previous).Scan(&epoch)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err != nil || e.Version < 1 || e.Version == previous || e.Epoch <= epoch {
		return fmt.Errorf("version %d of %s (epoch %d) does not follow version %d (epoch %d)", e.Version, e.Type, e.Epoch, previous, epoch)
	}
	return nil
}

// publish appends an edition. The documents of the newest two are kept.
func (t *tx) publish(previous int64, e *Edition, now int64) error {
	if err := t.swapNewest(e.Type, previous, e.Version); err != nil {
		return err
	}
	if err := t.checkFollows(previous, e); err != nil {
		return err
	}
	if err := t.dropDocuments(e.Type, previous); err != nil {
		return err
	}
	_, err := t.exec(`INSERT INTO editions (type, version, epoch, issued, published, head, document, change, entries)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, e.Type, e.Version, e.Epoch, e.Issued.Unix(), now, e.Head, e.Document, e.Change, e.Entries)
	if err != nil {
		return err
	}
	return t.keepPast(e, now)
}

// dropDocuments keeps one document of a list, so that two are there with the one
// that follows. They are public and large: to overwrite them, as is done with
// what else is deleted, would take longer than to write the next one.
func (t *tx) dropDocuments(typ string, keep int64) (err error) {
	if err := t.pragma("secure_delete = 0"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.pragma("secure_delete = 1")) }()
	_, err = t.exec("UPDATE editions SET document = NULL WHERE type = $1 AND version <> $2 AND document IS NOT NULL", typ, keep)
	return err
}

// swapNewest makes next the newest version if the newest one is previous. The
// row is the lock: whoever comes second finds another version in it.
func (t *tx) swapNewest(typ string, previous, next int64) error {
	_, err := t.exec("INSERT INTO newest_editions (type, version) VALUES ($1, 0) ON CONFLICT DO NOTHING", typ)
	if err != nil {
		return err
	}
	n, err := t.exec("UPDATE newest_editions SET version = $1 WHERE type = $2 AND version = $3", next, typ, previous)
	if err == nil && n == 0 {
		err = ErrConflict
	}
	return err
}

const selectEdition = "SELECT type, version, epoch, issued, published, change, entries, head, document FROM editions"

func (s *sqlStore) NewestEdition(ctx context.Context, typ string) (Edition, error) {
	return readEdition(s.r.QueryRowContext(ctx, selectEdition+" WHERE type = $1 ORDER BY epoch DESC, version DESC LIMIT 1", typ))
}

func (s *sqlStore) Edition(ctx context.Context, typ string, version int64) (Edition, error) {
	return readEdition(s.r.QueryRowContext(ctx, selectEdition+" WHERE type = $1 AND version = $2", typ, version))
}

func (s *sqlStore) Editions(ctx context.Context, typ string, limit int) ([]Edition, error) {
	rows, err := s.r.QueryContext(ctx, `SELECT type, version, epoch, issued, published, change, entries, head, NULL
		FROM editions WHERE type = $1 ORDER BY epoch DESC, version DESC LIMIT $2`, typ, limit)
	return readRows(rows, err, readEdition)
}

func readEdition(row scanner) (Edition, error) {
	var e Edition
	var issued, published int64
	err := row.Scan(&e.Type, &e.Version, &e.Epoch, &issued, &published, &e.Change, &e.Entries, &e.Head, &e.Document)
	if errors.Is(err, sql.ErrNoRows) {
		return Edition{}, ErrNotFound
	}
	e.Issued, e.Published = unixTime(issued), unixTime(published)
	return e, explain(err)
}

func (s *sqlStore) ConfirmRemoval(ctx context.Context, typ string, change int64, admin string) error {
	return s.decide(ctx, admin, func(d *decider) error {
		var newest int64
		if err := d.row("SELECT value FROM counters WHERE name = 'change'").Scan(&newest); err != nil {
			return err
		}
		if change > newest {
			return &ConfirmError{Change: change}
		}
		_, err := d.exec(`INSERT INTO confirmed_removals (type, change) VALUES ($1, $2)
			ON CONFLICT (type) DO UPDATE SET change = excluded.change WHERE excluded.change > confirmed_removals.change`, typ, change)
		if err != nil {
			return err
		}
		if _, err := d.exec("DELETE FROM past_lists WHERE type = $1", typ); err != nil {
			return err
		}
		return d.record(ActionConfirm, "", "", typ, change)
	})
}

func (s *sqlStore) ConfirmedRemoval(ctx context.Context, typ string) (change int64, err error) {
	err = s.r.QueryRowContext(ctx, "SELECT change FROM confirmed_removals WHERE type = $1", typ).Scan(&change)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return change, explain(err)
}
