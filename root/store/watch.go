package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
)

const selectMirror = `SELECT m.mirror, m.email, m.registration, m.created, m.change,
	m.state, m.since, m.checked, m.left_out, m.ill_for, m.wrong_for, m.well_for, m.drops,
	COALESCE(c.at, 0), COALESCE(c.state, ''), COALESCE(c.url, ''), COALESCE(c.version, 0), COALESCE(c.epoch, 0),
	COALESCE(c.issued, 0), COALESCE(c.took, 0), COALESCE(c.error, '')
	FROM mirrors m LEFT JOIN mirror_checks c
	ON c.id = (SELECT MAX(id) FROM mirror_checks WHERE mirror = m.id)`

func (t *tx) mirror(id string) (WatchedMirror, error) {
	return readMirror(t.row(selectMirror+" WHERE m.id = $1", id))
}

func (s *sqlStore) WatchedMirrors(ctx context.Context) ([]WatchedMirror, error) {
	rows, err := s.r.QueryContext(ctx, selectMirror+" ORDER BY m.id")
	return readRows(rows, err, readMirror)
}

func readMirror(row scanner) (m WatchedMirror, err error) {
	var text []byte
	var registration, created, since, checked, leftOut, illFor, wrongFor, wellFor, at, issued, took int64
	err = row.Scan(&text, &m.Email, &registration, &created, &m.Change,
		&m.Watch.State, &since, &checked, &leftOut, &illFor, &wrongFor, &wellFor, &m.Watch.Drops,
		&at, &m.Last.State, &m.Last.URL, &m.Last.Version, &m.Last.Epoch, &issued, &took, &m.Last.Error)
	if errors.Is(err, sql.ErrNoRows) {
		return m, ErrNotFound
	}
	if err != nil {
		return m, explain(err)
	}
	if registration != 0 {
		m.Registration = formatMirrorID(registration)
	}
	m.Created = unixTime(created)
	m.Watch.Since, m.Watch.Checked, m.Watch.LeftOut = unixTime(since), unixTime(checked), unixTime(leftOut)
	m.Watch.IllFor, m.Watch.WrongFor = time.Duration(illFor)*time.Second, time.Duration(wrongFor)*time.Second
	m.Watch.WellFor = time.Duration(wellFor) * time.Second
	m.Last.At, m.Last.Issued, m.Last.Took = unixTime(at), unixTime(issued), time.Duration(took)*time.Millisecond
	return m, m.Mirror.UnmarshalJSON(text)
}

func (s *sqlStore) RecordChecks(ctx context.Context, seen []Seen, keep int) (change int64, err error) {
	err = s.decide(ctx, audit.Watcher, func(d *decider) (err error) {
		change = 0
		for _, one := range seen {
			if err := d.recordSeen(one, keep, &change); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return change, nil
}

// recordSeen stores what was seen of one mirror. The first that changes the
// list draws the change number of all.
func (d *decider) recordSeen(one Seen, keep int, change *int64) error {
	before, err := d.mirror(one.Mirror)
	if errors.Is(err, ErrNotFound) || err == nil && before.Change != one.Change {
		return nil
	}
	if err != nil {
		return err
	}
	if before.Watch.LeftOut.IsZero() != one.Watch.LeftOut.IsZero() {
		if err := d.recordTurn(one, change); err != nil {
			return err
		}
	}
	w := one.Watch
	_, err = d.exec(`UPDATE mirrors SET state = $1, since = $2, checked = $3, left_out = $4, ill_for = $5, well_for = $6, drops = $7, wrong_for = $8
		WHERE id = $9`, w.State, seconds(w.Since), seconds(w.Checked), seconds(w.LeftOut),
		int64(w.IllFor/time.Second), int64(w.WellFor/time.Second), w.Drops, int64(w.WrongFor/time.Second), one.Mirror)
	if err != nil {
		return err
	}
	if err := d.recordCheck(one, keep); err != nil {
		return err
	}
	for _, e := range one.Evidence {
		if err := d.recordEvidence(e); err != nil {
			return err
		}
	}
	return d.putMessages(one.Messages, d.now)
}

// recordTurn notes that the list loses a mirror or takes it in again.
func (d *decider) recordTurn(one Seen, change *int64) (err error) {
	if *change == 0 {
		if *change, err = d.next("change"); err != nil {
			return err
		}
	}
	action := ActionLeaveOut
	if one.Watch.LeftOut.IsZero() {
		action = ActionTakeIn
	}
	return d.record(action, "", one.Mirror, one.Check.Error, *change)
}

func (d *decider) recordCheck(one Seen, keep int) error {
	id, err := d.next("mirror-check")
	if err != nil {
		return err
	}
	c := one.Check
	_, err = d.exec(`INSERT INTO mirror_checks (id, mirror, at, state, url, version, epoch, issued, took, error)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		id, one.Mirror, seconds(c.At), c.State, c.URL, c.Version, c.Epoch, seconds(c.Issued), c.Took.Milliseconds(), c.Error)
	if err != nil {
		return err
	}
	_, err = d.exec(`DELETE FROM mirror_checks WHERE mirror = $1 AND id <=
		(SELECT id FROM mirror_checks WHERE mirror = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`, one.Mirror, max(keep, 1))
	return err
}

// maxEvidence is how many pairs of heads are kept. Only who has a signing key
// can make them; the earliest say most.
const maxEvidence = 1000

func (d *decider) recordEvidence(e Evidence) error {
	hash := sha256.New()
	for _, head := range [][]byte{e.Held, e.Served} {
		sum := sha256.Sum256(head)
		hash.Write(sum[:])
	}
	_, err := d.exec(`INSERT INTO evidence (hash, at, mirror, url, held, served)
		SELECT $1, $2, $3, $4, $5, $6 WHERE (SELECT COUNT(*) FROM evidence) < $7 ON CONFLICT DO NOTHING`,
		hash.Sum(nil), seconds(e.At), e.Mirror, e.URL, e.Held, e.Served, maxEvidence)
	return err
}

func (s *sqlStore) MirrorChecks(ctx context.Context, mirror string, limit int) ([]MirrorCheck, error) {
	rows, err := s.r.QueryContext(ctx, `SELECT at, state, url, version, epoch, issued, took, error
		FROM mirror_checks WHERE mirror = $1 ORDER BY id DESC LIMIT $2`, mirror, limit)
	return readRows(rows, err, func(row scanner) (c MirrorCheck, err error) {
		var at, issued, took int64
		err = row.Scan(&at, &c.State, &c.URL, &c.Version, &c.Epoch, &issued, &took, &c.Error)
		c.At, c.Issued, c.Took = unixTime(at), unixTime(issued), time.Duration(took)*time.Millisecond
		return c, err
	})
}

func (s *sqlStore) Evidence(ctx context.Context, mirror string, limit int) ([]Evidence, error) {
	rows, err := s.r.QueryContext(ctx, `SELECT at, mirror, url, held, served FROM evidence
		WHERE mirror = $1 OR $1 = '' ORDER BY at DESC, hash LIMIT $2`, mirror, limit)
	return readRows(rows, err, func(row scanner) (e Evidence, err error) {
		var at int64
		err = row.Scan(&at, &e.Mirror, &e.URL, &e.Held, &e.Served)
		e.At = unixTime(at)
		return e, err
	})
}
