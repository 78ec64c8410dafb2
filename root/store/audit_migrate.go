package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// linkDecisions is a migration that no SQL can do: what admins had decided
// before there was an audit log becomes the beginning of its chain.
func linkDecisions() *goose.Migration {
	return goose.NewGoMigration(8, &goose.GoFunc{RunTx: func(ctx context.Context, t *sql.Tx) error {
		records, err := decisionRecords(ctx, t)
		if err != nil {
			return fmt.Errorf("linking older decisions: %w", err)
		}
		for _, r := range records {
			_, err := t.ExecContext(ctx, `INSERT INTO audit (number, at, admin, action, outcome, subject, entry, detail, change, count, source, previous, hash)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, recordArgs(r)...)
			if err != nil {
				return err
			}
		}
		_, err = t.ExecContext(ctx, "UPDATE counters SET value = $1 WHERE name = 'audit'", len(records))
		if err != nil {
			return err
		}
		_, err = t.ExecContext(ctx, "DROP TABLE decisions")
		return err
	}}, nil)
}

func decisionRecords(ctx context.Context, t *sql.Tx) (records []audit.Record, err error) {
	rows, err := t.QueryContext(ctx, "SELECT at, admin, action, registration, entry, reason, change FROM decisions ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var previous audit.Hash
	for rows.Next() {
		var at int64
		var registration, entry string
		e := audit.Event{Outcome: audit.Done}
		if err := rows.Scan(&at, &e.Admin, &e.Action, &registration, &entry, &e.Detail, &e.Change); err != nil {
			return nil, err
		}
		e.Time = unixTime(at)
		e.Subject, e.Entry = subjects(registration, entry)
		r := audit.Link(int64(len(records))+1, previous, e)
		records, previous = append(records, r), r.Hash
	}
	return records, rows.Err()
}

// subjects returns the subject of a decision, and the entry that it was about
// as well.
func subjects(registration, entry string) (subject, also string) {
	if registration == "" {
		return entry, ""
	}
	return registration, entry
}
