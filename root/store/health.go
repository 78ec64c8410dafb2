package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Health is the part of a [Store] that says how it does.
type Health interface {
	// Probe makes a durable write that changes nothing, and so tells whether
	// writes come through: the disk is there, not full and not read-only, and
	// nobody holds the database. Like any write it may take as long as the disk
	// does, whatever ctx says.
	Probe(ctx context.Context) error

	// Oldest returns when the registration of each kind that waits longest for
	// a decision came; zero where none waits.
	Oldest(ctx context.Context) (Waiting, error)
}

// Waiting says since when the oldest pending registrations wait.
type Waiting struct {
	Server time.Time
	Mirror time.Time
}

func (s *sqlStore) Probe(ctx context.Context) error {
	return s.w.do(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE counters SET value = value WHERE name = $1", "change")
		return err
	})
}

func (s *sqlStore) Oldest(ctx context.Context) (w Waiting, err error) {
	for table, at := range map[string]*time.Time{"registrations": &w.Server, "mirror_registrations": &w.Mirror} {
		// By id, for which there is an index: ids are given in order of time.
		var created int64
		err := s.r.QueryRowContext(ctx, "SELECT created FROM "+table+" WHERE status = 'pending' ORDER BY id LIMIT 1").Scan(&created)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return Waiting{}, explain(err)
		default:
			*at = unixTime(created)
		}
	}
	return w, nil
}
