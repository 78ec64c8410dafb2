package store

import (
	"context"
	"fmt"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// lookAlikeTables is the number of what lookAlike says: one more whenever it
// says something else of some name, as with a newer Unicode. A test tells.
const lookAlikeTables = 1

// renewLookAlikes makes the claims of look-alike names anew where they were made
// by other tables: names are compared in the form of one table only. It is done
// once, at the first start after an update of the program, and takes about four
// seconds if all of 100,000 names are others by then.
func (w *writer) renewLookAlikes(ctx context.Context) error {
	var have int64
	err := w.conn.QueryRowContext(ctx, "SELECT value FROM counters WHERE name = 'look-alike'").Scan(&have)
	if err != nil || have == lookAlikeTables {
		return err
	}
	err = w.do(ctx, func(t *tx) error {
		if err := renewClaims(t, "", `SELECT e.id, e.server, COALESCE(c.value, '') FROM entries e
			JOIN entry_claims n ON n.entry = e.id AND n.kind || '' = 'name'
			LEFT JOIN entry_claims c ON c.entry = e.id AND c.kind || '' = 'look-alike'
			WHERE e.state = 'listed' AND e.id > $1 ORDER BY e.id LIMIT $2`,
			"DELETE FROM entry_claims WHERE entry = $1 AND kind || '' = 'look-alike'",
			"INSERT INTO entry_claims (kind, value, entry) VALUES ('look-alike', $2, $1)"); err != nil {
			return err
		}
		if err := renewClaims(t, int64(0), `SELECT r.id, r.server, COALESCE(c.value, '') FROM registrations r
			JOIN registration_claims n ON n.registration = r.id AND n.kind || '' = 'name'
			LEFT JOIN registration_claims c ON c.registration = r.id AND c.kind || '' = 'look-alike'
			WHERE r.status = 'pending' AND r.id > $1 ORDER BY r.id LIMIT $2`,
			"DELETE FROM registration_claims WHERE registration = $1 AND kind || '' = 'look-alike'",
			"INSERT INTO registration_claims (kind, value, registration) VALUES ('look-alike', $2, $1)"); err != nil {
			return err
		}
		_, err := t.exec("UPDATE counters SET value = $1 WHERE name = 'look-alike'", lookAlikeTables)
		return err
	})
	if err != nil {
		return fmt.Errorf("comparing names anew: %w", err)
	}
	return nil
}

// renewPage is how many names are read at once.
const renewPage = 1000

// renewClaims reads owners of claims in pages, from the one after last, and
// writes those claims that are others now.
func renewClaims[ID any](t *tx, last ID, read, drop, insert string) error {
	type named struct {
		id            ID
		server, claim string
	}
	for {
		rows, err := t.rows(read, last, renewPage)
		page, err := readRows(rows, err, func(row scanner) (n named, err error) {
			return n, row.Scan(&n.id, &n.server, &n.claim)
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, n := range page {
			last = n.id
			var s serverlist.Server
			if err := s.UnmarshalJSON([]byte(n.server)); err != nil {
				return err
			}
			claim := lookAlike(s.Name)
			if claim == n.claim {
				continue
			}
			if _, err := t.exec(drop, n.id); err != nil {
				return err
			}
			if _, err := t.exec(insert, n.id, claim); err != nil {
				return err
			}
		}
	}
}
