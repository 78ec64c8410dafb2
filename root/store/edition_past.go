package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
)

const (
	// pastDay is how old the list is with which the next one is compared.
	pastDay = 24 * time.Hour
	// pastEvery is how far apart those are that are kept for that.
	pastEvery = 6 * time.Hour
)

// keepPast remembers what an edition lists, if the newest that is remembered is
// old enough, and forgets what is older than a day and not the newest of those.
func (t *tx) keepPast(e *Edition, now int64) error {
	if len(e.IDs) == 0 {
		return nil
	}
	var newest sql.NullInt64
	if err := t.row("SELECT MAX(published) FROM past_lists WHERE type = $1", e.Type).Scan(&newest); err != nil {
		return err
	}
	if newest.Valid && now-newest.Int64 < int64(pastEvery/time.Second) {
		return nil
	}
	_, err := t.exec("INSERT INTO past_lists (type, version, published, ids) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
		e.Type, e.Version, now, strings.Join(e.IDs, "\n"))
	if err != nil {
		return err
	}
	_, err = t.exec(`DELETE FROM past_lists WHERE type = $1 AND published <
		(SELECT MAX(published) FROM past_lists WHERE type = $1 AND published <= $2)`, e.Type, now-int64(pastDay/time.Second))
	return err
}

func (s *sqlStore) PastList(ctx context.Context, typ string) (ids []string, err error) {
	var text string
	err = s.r.QueryRowContext(ctx, `SELECT ids FROM past_lists WHERE type = $1
		ORDER BY CASE WHEN published <= $2 THEN -published ELSE published END LIMIT 1`,
		typ, s.now().Add(-pastDay).Unix()).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(err)
	}
	return strings.Split(text, "\n"), nil
}
