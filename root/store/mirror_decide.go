package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/signed-metaserver/metaserver/serverlist"
)

func (s *sqlStore) ApproveMirror(ctx context.Context, a MirrorApproval) (WatchedMirror, int64, error) {
	var out WatchedMirror
	err := s.decide(ctx, a.Admin, func(d *decider) (err error) {
		out, err = d.approveMirror(a)
		return err
	})
	if err != nil {
		return WatchedMirror{}, 0, err
	}
	return out, out.Change, nil
}

func (d *decider) approveMirror(a MirrorApproval) (WatchedMirror, error) {
	number, r, err := d.pendingMirror(a.Registration)
	if err != nil {
		return WatchedMirror{}, err
	}
	if a.Revision != 0 && a.Revision != r.Revision {
		return WatchedMirror{}, &RevisionError{ID: r.ID, Revision: r.Revision}
	}
	if a.Mirror != "" {
		r.Mirror.ID = a.Mirror
	}
	_, err = d.mirror(r.Mirror.ID)
	switch {
	case err == nil && !a.Replace && r.Mirror.ID != r.Entry:
		return WatchedMirror{}, &TakenError{ID: r.Mirror.ID}
	case err != nil && !errors.Is(err, ErrNotFound):
		return WatchedMirror{}, err
	case err != nil && a.Replace:
		return WatchedMirror{}, err
	}
	change, err := d.putMirror(&r.Mirror, r.Email, number)
	if err != nil {
		return WatchedMirror{}, err
	}
	if err := d.closeMirror(number, Approved, r.Mirror.ID, ""); err != nil {
		return WatchedMirror{}, err
	}
	if _, err := d.tellMirror(number, a.Tell); err != nil {
		return WatchedMirror{}, err
	}
	if err := d.record(ActionAddMirror, r.ID, r.Mirror.ID, "", change); err != nil {
		return WatchedMirror{}, err
	}
	return d.mirror(r.Mirror.ID)
}

// putMirror adds a mirror or replaces one, whose past then no longer counts.
func (d *decider) putMirror(m *serverlist.Mirror, email string, registration int64) (change int64, err error) {
	text, err := m.MarshalJSON()
	if err != nil {
		return 0, err
	}
	if err := d.checkURLs(m); err != nil {
		return 0, err
	}
	if change, err = d.next("change"); err != nil {
		return 0, err
	}
	_, err = d.exec(`INSERT INTO mirrors (id, mirror, created, email, identity, registration, change)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET mirror = excluded.mirror, email = excluded.email, identity = excluded.identity,
		registration = excluded.registration, change = excluded.change,
		state = 'new', since = 0, checked = 0, left_out = 0, ill_for = 0, wrong_for = 0, well_for = 0, drops = 0`,
		m.ID, string(text), d.now, email, identityOrNone(m, email), registration, change)
	return change, err
}

// identityOrNone is that of no request when nobody is to be written to.
func identityOrNone(m *serverlist.Mirror, email string) []byte {
	if email == "" {
		return []byte{}
	}
	return mirrorIdentity(m, email)
}

// checkURLs refuses URLs of other mirrors. There are hundreds at most, and this
// is rare.
func (d *decider) checkURLs(m *serverlist.Mirror) error {
	taken, err := d.takenURLs()
	if err != nil {
		return err
	}
	for _, u := range m.URLs {
		if owner := taken[NormalURL(u)]; owner != "" && owner != m.ID {
			return &URLTakenError{URL: u, Mirror: owner}
		}
	}
	return nil
}

// takenURLs returns the ids of the mirrors by URL.
func (d *decider) takenURLs() (map[string]string, error) {
	rows, err := d.rows("SELECT mirror FROM mirrors")
	all, err := readRows(rows, err, readMirrorText)
	taken := make(map[string]string)
	for i := range all {
		for _, u := range normalURLs(&all[i]) {
			taken[u] = all[i].ID
		}
	}
	return taken, err
}

func readMirrorText(row scanner) (m serverlist.Mirror, err error) {
	var text []byte
	if err := row.Scan(&text); err != nil {
		return m, err
	}
	return m, m.UnmarshalJSON(text)
}

func (s *sqlStore) RejectMirror(ctx context.Context, id, reason, admin string, tell Tell) (MirrorRegistration, error) {
	var out MirrorRegistration
	err := s.decide(ctx, admin, func(d *decider) error {
		number, _, err := d.pendingMirror(id)
		if err != nil {
			return err
		}
		if err := d.closeMirror(number, Rejected, "", reason); err != nil {
			return err
		}
		if err := d.record(ActionReject, id, "", reason, 0); err != nil {
			return err
		}
		out, err = d.tellMirror(number, tell)
		return err
	})
	if err != nil {
		return MirrorRegistration{}, err
	}
	return out, nil
}

// tellMirror returns a registration that was just decided, and stores what is
// to be said about it.
func (d *decider) tellMirror(number int64, tell Tell) (MirrorRegistration, error) {
	r, err := d.mirrorRegistration(number)
	if err != nil || tell == nil {
		return r, err
	}
	return r, d.putMessages(tell(r), d.now)
}

// pendingMirror returns a registration that can still be decided.
func (d *decider) pendingMirror(id string) (int64, MirrorRegistration, error) {
	number, err := parseMirrorID(id)
	if err != nil {
		return 0, MirrorRegistration{}, err
	}
	r, err := d.mirrorRegistration(number)
	if err == nil && r.Status != Pending {
		err = &DecidedError{ID: r.ID, Status: r.Status, Entry: r.Entry}
	}
	return number, r, err
}

// closeMirror takes a registration out of the queue.
func (d *decider) closeMirror(number int64, status Status, entry, reason string) error {
	_, err := d.exec(`UPDATE mirror_registrations SET status = $1, entry = $2, reason = $3, decided = $4, admin = $5 WHERE id = $6`,
		status, entry, reason, d.now, d.admin, number)
	if err != nil {
		return err
	}
	if err := d.dropMirrorClaims(number); err != nil {
		return err
	}
	_, err = d.exec("UPDATE counters SET value = value - 1 WHERE name = 'mirror-pending'")
	return err
}

func (s *sqlStore) AddMirror(ctx context.Context, m serverlist.Mirror, email, admin string) (change int64, err error) {
	if err := m.Check(); err != nil {
		return 0, err
	}
	err = s.decide(ctx, admin, func(d *decider) error {
		_, err := d.mirror(m.ID)
		switch {
		case err == nil:
			return &TakenError{ID: m.ID}
		case !errors.Is(err, ErrNotFound):
			return err
		}
		if change, err = d.putMirror(&m, email, 0); err != nil {
			return err
		}
		return d.record(ActionAddMirror, "", m.ID, "", change)
	})
	if err != nil {
		return 0, err
	}
	return change, nil
}

func (s *sqlStore) RemoveMirror(ctx context.Context, id, admin string) (change int64, err error) {
	err = s.decide(ctx, admin, func(d *decider) error {
		n, err := d.exec("DELETE FROM mirrors WHERE id = $1", id)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		if change, err = d.next("change"); err != nil {
			return err
		}
		return d.record(ActionRemoveMirror, "", id, "", change)
	})
	return change, err
}

func (s *sqlStore) Mirrors(ctx context.Context) (mirrors []serverlist.Mirror, change int64, err error) {
	change, err = s.snapshot(ctx, func(t *sql.Tx) error {
		rows, err := t.QueryContext(ctx, "SELECT mirror FROM mirrors WHERE left_out = 0 ORDER BY id")
		mirrors, err = readRows(rows, err, readMirrorText)
		return err
	})
	return mirrors, change, err
}
