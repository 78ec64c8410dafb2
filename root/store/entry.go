package store

import (
	"context"
	"database/sql"
	"errors"
)

const (
	selectEntries = `SELECT state, server, registration, owner, created, updated, change, first_change, allowed, reason,
	suspended, resumes, suspended_by, suspended_why FROM entries`
	selectEntry = selectEntries + ` WHERE id = $1`
)

func (t *tx) entry(id string) (Entry, error) { return readEntry(t.row(selectEntry, id)) }

func (s *sqlStore) Entry(ctx context.Context, id string) (Entry, error) {
	return readEntry(s.r.QueryRowContext(ctx, selectEntry, id))
}

func readEntry(row scanner) (Entry, error) {
	var e Entry
	var server, allowed string
	var registration, owner, created, updated, since, resumes int64
	var p Suspension
	err := row.Scan(&e.State, &server, &registration, &owner, &created, &updated, &e.Change, &e.FirstChange, &allowed, &e.Reason,
		&since, &resumes, &p.Admin, &p.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		return Entry{}, ErrNotFound
	}
	if err != nil {
		return Entry{}, explain(err)
	}
	e.Registration, e.Owner, e.Allowed = formatID(registration), formatID(owner), parseAllowed(allowed)
	e.Created, e.Updated = unixTime(created), unixTime(updated)
	if err := e.Server.UnmarshalJSON([]byte(server)); err != nil {
		return e, err
	}
	if since > 0 && e.State == EntryListed {
		p.Entry, p.Since, p.Ends = e.Server.ID, unixTime(since), unixTime(resumes)
		e.State, e.Suspended = EntrySuspended, &p
	}
	return e, nil
}

// snapshot runs a function on one moment of the database and returns the
// change number of that moment.
func (s *sqlStore) snapshot(ctx context.Context, run func(*sql.Tx) error) (change int64, err error) {
	t, err := s.r.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, explain(err)
	}
	defer t.Rollback() // it has only read
	if err := t.QueryRowContext(ctx, "SELECT value FROM counters WHERE name = 'change'").Scan(&change); err != nil {
		return 0, explain(err)
	}
	return change, run(t)
}

func (s *sqlStore) Listed(ctx context.Context, each func(id string, line []byte) error) (change int64, err error) {
	return s.snapshot(ctx, func(t *sql.Tx) error {
		rows, err := t.QueryContext(ctx, "SELECT id, server FROM entries WHERE state = 'listed' AND suspended = 0 ORDER BY id")
		if err != nil {
			return explain(err)
		}
		defer rows.Close()
		var id string
		var line sql.RawBytes
		for rows.Next() {
			if err := rows.Scan(&id, &line); err != nil {
				return explain(err)
			}
			if err := each(id, line); err != nil {
				return err
			}
		}
		return explain(rows.Err())
	})
}

func (s *sqlStore) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	err := s.r.QueryRowContext(ctx, `SELECT
		(SELECT value FROM counters WHERE name = 'pending'),
		(SELECT value FROM counters WHERE name = 'change'),
		(SELECT COUNT(*) FROM entries WHERE state = 'listed' AND suspended = 0),
		(SELECT COUNT(*) FROM mirrors),
		(SELECT COUNT(*) FROM mirrors WHERE left_out > 0),
		(SELECT value FROM counters WHERE name = 'mirror-pending'),
		(SELECT COUNT(*) FROM messages WHERE done = 0)`).Scan(
		&c.Pending, &c.Change, &c.Listed, &c.Mirrors, &c.LeftOut, &c.PendingMirrors, &c.Messages)
	return c, explain(err)
}
