package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// AuditLog is the part of a [Store] that keeps what admins did and what was
// denied: appended to, never changed, by nobody. What changes the store is
// recorded in the transaction that does it. That needs no call: a method that
// takes the name of an admin records what it does, and any other that writes
// records the [audit.Call] that its context carries, unless that is recorded
// already.
type AuditLog interface {
	// Audit appends a record of what has changed nothing else. A zero Time
	// means now.
	Audit(ctx context.Context, events ...audit.Event) error

	// Records calls each with the records that a filter chooses, oldest first,
	// and stops at its first error, which it returns. It reads in pages, so
	// that a slow caller holds up nobody.
	Records(ctx context.Context, f audit.Filter, each func(audit.Record) error) error
}

func (s *sqlStore) Audit(ctx context.Context, events ...audit.Event) error {
	if len(events) == 0 {
		return nil
	}
	return s.w.do(ctx, func(t *tx) error {
		for _, e := range events {
			if err := t.audit(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// audit appends a record. The counter's row is the lock: whoever comes second
// follows the record of the first.
func (t *tx) audit(e audit.Event) error {
	number, err := t.next("audit")
	if err != nil {
		return err
	}
	previous, err := t.auditHead()
	if err != nil {
		return err
	}
	if e.Time.IsZero() {
		e.Time = t.w.now()
	}
	t.audited = true
	return t.insertRecord(audit.Link(number, previous, e))
}

// auditHead returns the hash of the newest record. If somebody has cut off the
// end of the log, the chain goes on where it ends now, with a gap in its
// numbers for everybody to see.
func (t *tx) auditHead() (hash audit.Hash, err error) {
	var b []byte
	err = t.row("SELECT hash FROM audit ORDER BY number DESC LIMIT 1").Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return hash, nil
	}
	copy(hash[:], b)
	return hash, err
}

func (t *tx) insertRecord(r audit.Record) error {
	_, err := t.exec(`INSERT INTO audit (number, at, admin, action, outcome, subject, entry, detail, change, count, source, previous, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, recordArgs(r)...)
	return err
}

func recordArgs(r audit.Record) []any {
	return []any{r.Number, r.Time.Unix(), r.Admin, r.Action, r.Outcome, r.Subject, r.Entry, r.Detail,
		r.Change, r.Count, r.Source, r.Previous[:], r.Hash[:]}
}

// about says what the admin's call of this transaction is about, where that is
// known only now.
func (t *tx) about(subject string) {
	if t.call != nil && !t.call.Recorded() {
		t.call.Subject = subject
	}
}

// auditPage is how many records are read at once.
const auditPage = 500

func (s *sqlStore) Records(ctx context.Context, f audit.Filter, each func(audit.Record) error) error {
	after, err := s.recordsAfter(ctx, f)
	if err != nil {
		return err
	}
	where, args := filterText(f)
	for {
		rows, err := s.r.QueryContext(ctx, selectRecord+where+" AND number > $1 ORDER BY number LIMIT $7", append([]any{after}, append(args, auditPage)...)...)
		page, err := readRows(rows, err, readRecord)
		if err != nil {
			return err
		}
		for _, r := range page {
			if err := each(r); err != nil {
				return err
			}
			after = r.Number
		}
		if len(page) < auditPage {
			return nil
		}
	}
}

const selectRecord = `SELECT number, at, admin, action, outcome, subject, entry, detail, change, count, source, previous, hash FROM audit`

// filterText returns a condition on $2 to $6 and what these are.
func filterText(f audit.Filter) (where string, args []any) {
	where = ` WHERE at >= $2 AND ($3 = '' OR admin = $3) AND ($4 = '' OR action = $4) AND ($5 = '' OR outcome = $5)`
	if f.Subject == "" {
		where += ` AND $6 = ''`
	} else {
		where += ` AND (subject = $6 AND subject <> '' OR entry = $6 AND entry <> '')` // in the words of the indexes
	}
	since := int64(-1 << 62)
	if !f.Since.IsZero() {
		since = f.Since.Add(time.Second - 1).Unix() // records are of whole seconds
	}
	return where, []any{since, f.Admin, string(f.Action), string(f.Outcome), f.Subject}
}

// recordsAfter returns the number after which the newest records of a filter
// begin.
func (s *sqlStore) recordsAfter(ctx context.Context, f audit.Filter) (after int64, err error) {
	if f.Newest <= 0 {
		return f.After, nil
	}
	where, args := filterText(f)
	err = s.r.QueryRowContext(ctx, "SELECT number FROM audit"+where+" AND number > $1 ORDER BY number DESC LIMIT 1 OFFSET $7",
		append([]any{f.After}, append(args, f.Newest)...)...).Scan(&after)
	if errors.Is(err, sql.ErrNoRows) {
		return f.After, nil
	}
	return after, explain(err)
}

func readRecord(row scanner) (r audit.Record, err error) {
	var at int64
	var previous, hash []byte
	err = row.Scan(&r.Number, &at, &r.Admin, &r.Action, &r.Outcome, &r.Subject, &r.Entry, &r.Detail,
		&r.Change, &r.Count, &r.Source, &previous, &hash)
	r.Time = time.Unix(at, 0).UTC()
	for _, text := range []*string{&r.Admin, (*string)(&r.Action), (*string)(&r.Outcome), &r.Subject, &r.Entry, &r.Detail, &r.Source} {
		*text = strings.ToValidUTF8(*text, "\uFFFD") // it is, unless somebody else wrote it
	}
	copy(r.Previous[:], previous)
	copy(r.Hash[:], hash)
	return r, err
}
