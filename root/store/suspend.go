package store

import (
	"context"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// SuspendStore is the part of a [Store] that takes entries out of the list for a
// while. A suspended entry keeps its id, its owner, and what it claims for
// itself; nobody else gets them meanwhile.
type SuspendStore interface {
	// Suspend takes an entry out of the list, or gives a suspended one another
	// reason and end. Errors: [ErrNotFound], [*DecidedError] when it is revoked.
	Suspend(ctx context.Context, s Suspension) (Entry, error)

	// Resume puts a suspended entry back into the list, and forgets for how long
	// its server was seen silent. Errors: [ErrNotFound], [*NotSuspendedError],
	// [*DecidedError] when it is revoked.
	Resume(ctx context.Context, entry, admin string) (Entry, error)

	// ResumeDue puts those entries back whose suspension has ended by now, at
	// most limit, and returns their ids.
	ResumeDue(ctx context.Context, limit int) ([]string, error)
}

// A Suspension is why and until when an entry is not in the list.
type Suspension struct {
	Entry  string
	Reason string    // its owner reads it
	Ends   time.Time // zero: when an admin says so
	Admin  string    // who decided
	Since  time.Time // ignored by [SuspendStore].Suspend
}

// EntrySuspended is the state of an entry that is out of the list for a while.
const EntrySuspended EntryState = "suspended"

// Actions about suspensions.
const (
	ActionSuspend Action = "suspend"
	ActionResume  Action = "resume"

	// Of the root itself, which looks at the servers of entries.
	ActionWarnDead   Action = "warn-dead"   // nothing is done yet
	ActionRemoveDead Action = "remove-dead" // the entry is suspended
)

// A NotSuspendedError refuses to resume what is in the list.
type NotSuspendedError struct {
	Entry string
}

func (e *NotSuspendedError) Error() string { return "entry " + e.Entry + " is not suspended" }

func (s *sqlStore) Suspend(ctx context.Context, p Suspension) (out Entry, err error) {
	err = s.decide(ctx, p.Admin, func(d *decider) error {
		out, err = d.suspend(p, ActionSuspend)
		return err
	})
	return orNothing(out, err)
}

func (d *decider) suspend(p Suspension, action Action) (Entry, error) {
	e, err := d.listed(p.Entry)
	if err != nil {
		return Entry{}, err
	}
	since, change := d.now, e.Change
	if e.Suspended != nil { // no list says anything else
		since = e.Suspended.Since.Unix()
	} else if change, err = d.next("change"); err != nil {
		return Entry{}, err
	}
	_, err = d.exec(`UPDATE entries SET suspended = $1, resumes = $2, suspended_by = $3, suspended_why = $4, change = $5, updated = $6 WHERE id = $7`,
		since, seconds(p.Ends), p.Admin, p.Reason, change, d.now, p.Entry)
	if err != nil {
		return Entry{}, err
	}
	if err := d.record(action, e.Registration, p.Entry, p.Reason, change); err != nil {
		return Entry{}, err
	}
	return d.entry(p.Entry)
}

func (s *sqlStore) Resume(ctx context.Context, entry, admin string) (out Entry, err error) {
	err = s.decide(ctx, admin, func(d *decider) error {
		out, err = d.resume(entry, "")
		return err
	})
	return orNothing(out, err)
}

func (d *decider) resume(id, reason string) (Entry, error) {
	e, err := d.listed(id)
	if err != nil {
		return Entry{}, err
	}
	if e.Suspended == nil {
		return Entry{}, &NotSuspendedError{Entry: id}
	}
	change, err := d.next("change")
	if err != nil {
		return Entry{}, err
	}
	_, err = d.exec(`UPDATE entries SET suspended = 0, resumes = 0, suspended_by = '', suspended_why = '', change = $1, updated = $2 WHERE id = $3`,
		change, d.now, id)
	if err != nil {
		return Entry{}, err
	}
	// Its server has the whole grace time again: who resumes it has a reason to.
	if _, err := d.exec("UPDATE entry_alive SET silent = 0 WHERE entry = $1", id); err != nil {
		return Entry{}, err
	}
	if err := d.record(ActionResume, e.Registration, id, reason, change); err != nil {
		return Entry{}, err
	}
	return d.entry(id)
}

// resumedByTime is the reason of a resumption that nobody asked for.
const resumedByTime = "the suspension has ended"

func (s *sqlStore) ResumeDue(ctx context.Context, limit int) ([]string, error) {
	due, err := s.dueForResume(ctx, limit)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	err = s.decide(ctx, audit.Watcher, func(d *decider) error {
		for _, id := range due {
			e, err := d.entry(id)
			if err != nil {
				return err
			}
			if e.Suspended == nil || e.Suspended.Ends.IsZero() || e.Suspended.Ends.Unix() > d.now || e.State == EntryRevoked {
				continue // an admin was faster
			}
			if _, err := d.resume(id, resumedByTime); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return due, nil
}

func (s *sqlStore) dueForResume(ctx context.Context, limit int) ([]string, error) {
	rows, err := s.r.QueryContext(ctx, `SELECT id FROM entries
		WHERE resumes > 0 AND resumes <= $1 AND state = 'listed' ORDER BY resumes, id LIMIT $2`, s.now().Unix(), limit)
	return readRows(rows, err, func(row scanner) (id string, err error) { return id, row.Scan(&id) })
}
