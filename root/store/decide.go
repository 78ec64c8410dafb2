package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// A decider is what all decisions need: the transaction, and what to record.
type decider struct {
	*tx
	now   int64
	admin string
}

// decide runs a decision in a transaction.
func (s *sqlStore) decide(ctx context.Context, admin string, run func(*decider) error) error {
	now := s.now().Unix()
	return s.w.do(ctx, func(t *tx) error { return run(&decider{t, now, admin}) })
}

// record writes down what was done, about a registration, an entry, or both. A
// change of 0 means that no list changed.
func (d *decider) record(action Action, registration, entry, reason string, change int64) error {
	e := audit.Event{
		Time: unixTime(d.now), Admin: d.admin, Action: action, Outcome: audit.Done, Detail: reason, Change: change,
	}
	e.Subject, e.Entry = subjects(registration, entry)
	if d.call != nil && d.call.Admin == d.admin {
		e.Source = d.call.Source
	}
	return d.audit(e)
}

func (s *sqlStore) Approve(ctx context.Context, a Approval) (Entry, error) {
	var out Entry
	err := s.decide(ctx, a.Admin, func(d *decider) (err error) {
		out, err = d.approve(a)
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	return out, nil
}

func (d *decider) approve(a Approval) (Entry, error) {
	number, r, err := d.pending(a.Registration)
	if err != nil {
		return Entry{}, err
	}
	if a.Revision != 0 && a.Revision != r.Revision {
		return Entry{}, &RevisionError{ID: r.ID, Revision: r.Revision}
	}
	if r.Kind != KindNew {
		return d.approveOwnerRequest(a, number, &r)
	}
	target, err := d.target(a, number, &r)
	if err != nil {
		return Entry{}, err
	}
	r.Server.ID = target
	change, err := d.list(number, &r, a.NewOwner || a.Replace)
	if err != nil {
		return Entry{}, err
	}
	if err := d.close(number, Approved, target, ""); err != nil {
		return Entry{}, err
	}
	if err := d.record(ActionApprove, r.ID, target, "", change); err != nil {
		return Entry{}, err
	}
	return d.entry(target)
}

// list makes an entry of a registration, or gives an entry its content. A new
// entry is the requester's; one that is there stays its owner's unless the
// admin says otherwise.
func (d *decider) list(number int64, r *Registration, newOwner bool) (change int64, err error) {
	if change, err = d.next("change"); err != nil {
		return 0, err
	}
	text, err := r.Server.MarshalJSON()
	if err != nil {
		return 0, fmt.Errorf("%s cannot be listed as %q: %w", r.ID, r.Server.ID, err)
	}
	if err := d.checkOnly(r.Server.ID, &r.Server, r.Email); err != nil {
		return 0, err
	}
	_, err = d.exec(`INSERT INTO entries (id, state, server, identity, registration, owner, created, updated, change, first_change)
		VALUES ($1, 'listed', $2, $3, $4, $4, $5, $5, $6, $6)
		ON CONFLICT (id) DO UPDATE SET server = excluded.server, identity = excluded.identity,
		registration = excluded.registration, updated = excluded.updated, change = excluded.change`,
		r.Server.ID, string(text), identity(&r.Server, r.Email), number, d.now, change)
	if err == nil && newOwner {
		err = d.giveTo(r.Server.ID, number)
	}
	if err != nil {
		return 0, err
	}
	if err := d.claimForEntry(&r.Server); err != nil {
		return 0, err
	}
	return change, d.inheritClaims(number, r.Server.ID)
}

// target returns the id under which an approved registration is listed.
func (d *decider) target(a Approval, number int64, r *Registration) (string, error) {
	switch {
	case r.Entry != "" && a.Entry != "" && a.Entry != r.Entry:
		return "", &UpdateError{Registration: r.ID, Entry: r.Entry}
	case r.Entry != "":
		return r.Entry, nil
	case a.Replace:
		_, err := d.listed(a.Entry)
		return a.Entry, err
	case a.Entry != "":
		free, err := d.isFree(a.Entry)
		if err == nil && !free {
			err = &TakenError{ID: a.Entry, Ever: true}
		}
		return a.Entry, err
	}
	if id, err := d.wish(number); err != nil || id != "" {
		return id, err
	}
	return d.freeID(slug(r.Server.Name), number)
}

// freeID returns an id like the one wished for. After some tries it takes the
// registration's number, so that many servers of one name cost no more.
func (d *decider) freeID(wish string, number int64) (string, error) {
	id := wish
	for n := 2; n <= 10; n++ {
		free, err := d.isFree(id)
		if err != nil || free {
			return id, err
		}
		id = fmt.Sprintf("%s-%d", wish, n)
	}
	id = fmt.Sprintf("%s-%s", wish, formatID(number))
	free, err := d.isFree(id)
	if err == nil && !free {
		err = &TakenError{ID: id, Ever: true}
	}
	return id, err
}

// isFree tells whether no entry has or had this id.
func (d *decider) isFree(id string) (bool, error) {
	_, err := d.entry(id)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	return false, err
}

func (s *sqlStore) Reject(ctx context.Context, id, reason, admin string) (Registration, error) {
	var out Registration
	err := s.decide(ctx, admin, func(d *decider) error {
		if err := d.reject(id, 0, reason); err != nil {
			return err
		}
		number, err := parseID(id)
		if err != nil {
			return err
		}
		out, err = d.registration(number)
		return err
	})
	if err != nil {
		return Registration{}, err
	}
	return out, nil
}

// reject ends a pending registration. A revision of 0 means whatever it is now.
func (d *decider) reject(id string, revision int, reason string) error {
	number, r, err := d.pending(id)
	if err != nil {
		return err
	}
	if revision != 0 && revision != r.Revision {
		return &RevisionError{ID: r.ID, Revision: r.Revision}
	}
	entry := r.Entry
	if r.Kind == KindNew { // it names the entry that it would have updated
		entry = ""
	}
	if err := d.close(number, Rejected, entry, reason); err != nil {
		return err
	}
	return d.record(ActionReject, id, entry, reason, 0)
}

// pending returns a registration that can still be decided.
func (d *decider) pending(id string) (int64, Registration, error) {
	number, err := parseID(id)
	if err != nil {
		return 0, Registration{}, err
	}
	r, err := d.registration(number)
	if err != nil {
		return 0, Registration{}, err
	}
	if r.Status != Pending {
		return 0, Registration{}, &DecidedError{ID: r.ID, Status: r.Status, Entry: r.Entry}
	}
	return number, r, nil
}

// close takes a registration out of the queue.
func (d *decider) close(number int64, status Status, entry, reason string) error {
	_, err := d.exec(`UPDATE registrations SET status = $1, entry = $2, reason = $3, decided = $4, admin = $5 WHERE id = $6`,
		status, entry, reason, d.now, d.admin, number)
	if err != nil {
		return err
	}
	if err := d.keepAddresses(number); err != nil {
		return err
	}
	if err := d.dropClaims(number); err != nil {
		return err
	}
	_, err = d.exec("UPDATE counters SET value = value - 1 WHERE name = 'pending'")
	return err
}

func (s *sqlStore) Revoke(ctx context.Context, entry, reason, admin string) (Entry, error) {
	var out Entry
	err := s.decide(ctx, admin, func(d *decider) (err error) {
		out, err = d.revoke(entry, reason)
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	return out, nil
}

func (d *decider) revoke(id, reason string) (Entry, error) {
	e, err := d.listed(id)
	if err != nil {
		return Entry{}, err
	}
	change, err := d.delist(id, Revoked, reason)
	if err != nil {
		return Entry{}, err
	}
	if err := d.endOwnerRequests(id, 0, Rejected, "The entry was taken out of the list: "+reason); err != nil {
		return Entry{}, err
	}
	if err := d.record(ActionRevoke, e.Registration, id, reason, change); err != nil {
		return Entry{}, err
	}
	return d.entry(id)
}

// delist takes an entry out of the list, with the registrations that made it
// what it was.
func (d *decider) delist(id string, as Status, reason string) (change int64, err error) {
	if change, err = d.next("change"); err != nil {
		return 0, err
	}
	_, err = d.exec("UPDATE entries SET state = 'revoked', reason = $1, updated = $2, change = $3 WHERE id = $4",
		reason, d.now, change, id)
	if err != nil {
		return 0, err
	}
	if err := d.dropEntryClaims(id); err != nil {
		return 0, err
	}
	if _, err = d.exec("DELETE FROM transfers WHERE entry = $1", id); err != nil {
		return 0, err
	}
	_, err = d.exec(`UPDATE registrations SET status = $1, reason = $2, decided = $3, admin = $4
		WHERE entry = $5 AND status = 'approved'`, as, reason, d.now, d.admin, id)
	return change, err
}

// listed returns an entry that is in the list, or would be if it were not
// suspended.
func (d *decider) listed(id string) (Entry, error) {
	e, err := d.entry(id)
	if err == nil && e.State == EntryRevoked {
		err = &DecidedError{ID: id, Status: Revoked}
	}
	return e, err
}

func (s *sqlStore) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	var n int64
	err := s.w.do(ctx, func(t *tx) (err error) {
		n, err = t.exec(`DELETE FROM registrations WHERE id IN (SELECT id FROM registrations
			WHERE status IN ('rejected', 'revoked', 'withdrawn') AND decided < $1 ORDER BY id LIMIT $2)`, before.Unix(), limit)
		if err != nil {
			return err
		}
		mirrors, err := t.exec(`DELETE FROM mirror_registrations WHERE id IN (SELECT id FROM mirror_registrations
			WHERE status = 'rejected' AND decided < $1 ORDER BY id LIMIT $2)`, before.Unix(), limit)
		n += mirrors
		return err
	})
	return int(n), err
}

// readRows reads all rows of a query and closes it.
func readRows[T any](rows *sql.Rows, err error, read func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := read(rows)
		if err != nil {
			return nil, explain(err)
		}
		all = append(all, one)
	}
	return all, explain(rows.Err())
}
