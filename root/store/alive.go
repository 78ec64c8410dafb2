package store

import (
	"context"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// AliveStore is the part of a [Store] that keeps what the root has seen of the
// servers of entries.
type AliveStore interface {
	// EntriesToLook returns entries that nobody has looked at since a time, those
	// that have waited longest first, at most limit: listed ones, and those that
	// the root itself has suspended.
	EntriesToLook(ctx context.Context, since time.Time, limit int) ([]LivingEntry, error)

	// LivingCounts counts the listed entries by what was seen of them last, and
	// those that the root itself has suspended since a time.
	LivingCounts(ctx context.Context, since time.Time) (LivingCounts, error)

	// RecordLooks stores what was seen, all or nothing, with the suspensions and
	// resumptions that follow from it, and tells whether the list is another now.
	// What is about an entry that was changed since stays in its history only, and
	// it is looked at again. Of each entry the newest keep looks stay.
	RecordLooks(ctx context.Context, looks []EntryLook, keep int) (changed bool, err error)

	// Alive returns what is known of an entry, and its looks, newest first, at
	// most limit. A zero State: nobody has looked.
	Alive(ctx context.Context, entry string, limit int) (Alive, []EntryLook, error)
}

// LivingState is what a look at a server has shown.
type LivingState string

// The states of servers.
const (
	ServerAlive   LivingState = "alive"   // it answers
	ServerSilent  LivingState = "silent"  // it does not
	ServerUnknown LivingState = "unknown" // the root cannot tell
)

// Alive is what is known of an entry's server.
type Alive struct {
	State   LivingState
	Since   time.Time
	Checked time.Time
	Silent  time.Duration // that it was seen silent, since it was last seen alive
}

// A LivingEntry is an entry and what is known of its server.
type LivingEntry struct {
	Entry
	Email string // of its owner; "": not known
	Alive Alive
}

// LivingCounts says how many servers are how.
type LivingCounts struct {
	Listed    int
	Alive     int
	Silent    int
	Suspended int // by the root itself, lately
}

// Replace counts a listed entry under another state.
func (c *LivingCounts) Replace(before, now LivingState) {
	c.add(before, -1)
	c.add(now, +1)
}

func (c *LivingCounts) add(state LivingState, n int) {
	switch state {
	case ServerAlive:
		c.Alive += n
	case ServerSilent:
		c.Silent += n
	}
}

// An EntryLook is one look at an entry's server, and what follows from it.
type EntryLook struct {
	Entry   string
	Change  int64 // of the entry that was looked at
	At      time.Time
	State   LivingState
	Error   string
	Alive   Alive  // what is known now
	Warn    string // what its owner is to be told; "": nothing
	Suspend string // the reason; "": it is not suspended because of this look
	Resume  bool
}

func (s *sqlStore) EntriesToLook(ctx context.Context, since time.Time, limit int) ([]LivingEntry, error) {
	rows, err := s.r.QueryContext(ctx, `SELECT e.id, COALESCE(r.email, ''), COALESCE(a.state, ''), COALESCE(a.since, 0), COALESCE(a.checked, 0), COALESCE(a.silent, 0)
		FROM entries e LEFT JOIN entry_alive a ON a.entry = e.id LEFT JOIN registrations r ON r.id = e.owner
		WHERE e.state = 'listed' AND (e.suspended = 0 OR e.suspended_by = $1) AND COALESCE(a.checked, 0) < $2
		ORDER BY COALESCE(a.checked, 0), e.id LIMIT $3`, audit.Watcher, since.Unix(), limit)
	all, err := readRows(rows, err, func(row scanner) (l LivingEntry, err error) {
		var began, checked, silent int64
		err = row.Scan(&l.Server.ID, &l.Email, &l.Alive.State, &began, &checked, &silent)
		l.Alive.Since, l.Alive.Checked, l.Alive.Silent = unixTime(began), unixTime(checked), time.Duration(silent)*time.Second
		return l, err
	})
	for i := range all {
		if err == nil {
			all[i].Entry, err = s.Entry(ctx, all[i].Server.ID)
		}
	}
	return all, err
}

func (s *sqlStore) LivingCounts(ctx context.Context, since time.Time) (c LivingCounts, err error) {
	err = s.r.QueryRowContext(ctx, `SELECT
		(SELECT COUNT(*) FROM entries WHERE state = 'listed' AND suspended = 0),
		(SELECT COUNT(*) FROM entries e JOIN entry_alive a ON a.entry = e.id WHERE e.state = 'listed' AND e.suspended = 0 AND a.state = 'alive'),
		(SELECT COUNT(*) FROM entries e JOIN entry_alive a ON a.entry = e.id WHERE e.state = 'listed' AND e.suspended = 0 AND a.state = 'silent'),
		(SELECT COUNT(*) FROM entries WHERE state = 'listed' AND suspended > $1 AND suspended_by = $2)`,
		since.Unix(), audit.Watcher).Scan(&c.Listed, &c.Alive, &c.Silent, &c.Suspended)
	return c, explain(err)
}

func (s *sqlStore) RecordLooks(ctx context.Context, looks []EntryLook, keep int) (changed bool, err error) {
	err = s.decide(ctx, audit.Watcher, func(d *decider) error {
		changed = false
		for _, l := range looks {
			turned, err := d.recordLook(l, keep)
			if err != nil {
				return err
			}
			changed = changed || turned
		}
		return nil
	})
	return changed && err == nil, err
}

// recordLook stores one look, and tells whether it changes the list.
func (d *decider) recordLook(l EntryLook, keep int) (changed bool, err error) {
	e, err := d.entry(l.Entry)
	if err != nil || e.State == EntryRevoked {
		return false, err
	}
	if err := d.keepLook(l, keep); err != nil || e.Change != l.Change {
		return false, err
	}
	_, err = d.exec(`INSERT INTO entry_alive (entry, state, since, checked, silent) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (entry) DO UPDATE SET state = excluded.state, since = excluded.since, checked = excluded.checked, silent = excluded.silent`,
		l.Entry, l.Alive.State, seconds(l.Alive.Since), seconds(l.Alive.Checked), int64(l.Alive.Silent/time.Second))
	if err != nil {
		return false, err
	}
	switch own := e.Suspended != nil && e.Suspended.Admin == audit.Watcher; {
	case l.Suspend != "" && e.Suspended == nil:
		_, err = d.suspend(Suspension{Entry: l.Entry, Reason: l.Suspend, Admin: audit.Watcher}, ActionRemoveDead)
		changed = true
	case l.Warn != "" && e.Suspended == nil:
		err = d.record(ActionWarnDead, e.Registration, l.Entry, l.Warn, 0)
	case l.Resume && own:
		_, err = d.resume(l.Entry, "it is alive again")
		changed = true
	}
	if err != nil {
		return false, err
	}
	return changed, nil
}

func (d *decider) keepLook(l EntryLook, keep int) error {
	id, err := d.next("entry-look")
	if err != nil {
		return err
	}
	_, err = d.exec("INSERT INTO entry_looks (id, entry, at, state, error) VALUES ($1, $2, $3, $4, $5)", id, l.Entry, seconds(l.At), l.State, l.Error)
	if err != nil {
		return err
	}
	_, err = d.exec(`DELETE FROM entry_looks WHERE entry = $1 AND id <=
		(SELECT id FROM entry_looks WHERE entry = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`, l.Entry, max(keep, 1))
	return err
}

func (s *sqlStore) Alive(ctx context.Context, entry string, limit int) (a Alive, looks []EntryLook, err error) {
	rows, err := s.r.QueryContext(ctx, "SELECT state, since, checked, silent FROM entry_alive WHERE entry = $1", entry)
	_, err = readRows(rows, err, func(row scanner) (none struct{}, err error) {
		var since, checked, silent int64
		err = row.Scan(&a.State, &since, &checked, &silent)
		a.Since, a.Checked, a.Silent = unixTime(since), unixTime(checked), time.Duration(silent)*time.Second
		return none, err
	})
	if err != nil {
		return a, nil, err
	}
	rows, err = s.r.QueryContext(ctx, "SELECT at, state, error FROM entry_looks WHERE entry = $1 ORDER BY id DESC LIMIT $2", entry, limit)
	looks, err = readRows(rows, err, func(row scanner) (l EntryLook, err error) {
		var at int64
		err = row.Scan(&at, &l.State, &l.Error)
		l.Entry, l.At = entry, unixTime(at)
		return l, err
	})
	return a, looks, err
}
