package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// maxBatch is the most writes that share one transaction: it bounds how long
// the first of them waits.
const maxBatch = 256

// A writer runs the writes of all callers, one transaction at a time. Making a
// transaction durable costs a sync of the disk, which is by far the slowest
// part of a small write; so writes that come while one is running wait and
// then share the next one (group commit).
//
// It has no goroutine of its own. Whoever writes puts its work into the queue
// and takes the seat; the one who gets it does the work of everybody who is in
// the queue by then.
type writer struct {
	seat chan struct{} // holds one element while somebody works
	now  func() time.Time

	// For who has the seat.
	db     *sql.DB
	conn   *sql.Conn            // the only one of db
	stmts  map[string]*sql.Stmt // prepared statements by text
	closed bool

	mu    sync.Mutex // guards queue
	queue []*write
}

// A write is the work of one caller.
type write struct {
	run     func(*tx) error
	call    *audit.Call // that it belongs to; nil: none
	audited bool        // a record of the call is part of it
	err     error
	done    chan struct{} // closed when err is final
}

var errClosed = errors.New("the store is closed")

func newWriter(ctx context.Context, db *sql.DB, now func() time.Time) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &writer{db: db, conn: conn, now: now, seat: make(chan struct{}, 1), stmts: make(map[string]*sql.Stmt)}, nil
}

// do runs a function in a transaction and returns when that is durable. An
// error of the function undoes what it did, and nothing else. What it does for
// an admin is recorded in the same transaction.
func (w *writer) do(ctx context.Context, run func(*tx) error) error {
	job := &write{run: run, call: audit.From(ctx), done: make(chan struct{})}
	w.mu.Lock()
	w.queue = append(w.queue, job)
	w.mu.Unlock()
	for {
		select {
		case <-job.done:
			return job.err
		case <-ctx.Done():
			return w.leave(ctx, job)
		case w.seat <- struct{}{}:
			w.workSeated()
		}
	}
}

// workSeated does what is in the queue and gives the seat up.
func (w *writer) workSeated() {
	defer func() { <-w.seat }()
	w.work(w.take())
}

// leave takes a job back whose caller no longer waits. If it is being done
// already, the caller does wait: it will not be long.
func (w *writer) leave(ctx context.Context, job *write) error {
	w.mu.Lock()
	if i := slices.Index(w.queue, job); i >= 0 {
		w.queue = slices.Delete(w.queue, i, i+1)
		w.mu.Unlock()
		return context.Cause(ctx)
	}
	w.mu.Unlock()
	<-job.done
	return job.err
}

// take returns the writes to do now, oldest first.
func (w *writer) take() []*write {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), maxBatch)
	batch := slices.Clone(w.queue[:n])
	w.queue = slices.Delete(w.queue, 0, n)
	return batch
}

// work does a batch and tells everybody in it, even if one of them panics.
func (w *writer) work(batch []*write) {
	if len(batch) == 0 {
		return
	}
	err := errors.New("another write of the same transaction panicked")
	defer func() {
		for _, job := range batch {
			if err != nil {
				job.err = err
			}
			if job.audited && job.call != nil && job.err == nil {
				job.call.SetRecorded()
			}
			close(job.done)
		}
	}()
	// Not the context of a caller: the batch belongs to several.
	err = w.transact(context.Background(), batch)
}

// transact does a batch in one transaction. The errors of single writes end up
// in them; an error returned means that nothing of the batch was stored.
func (w *writer) transact(ctx context.Context, batch []*write) error {
	if w.closed {
		return errClosed
	}
	t := &tx{ctx: ctx, w: w}
	if _, err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return explain(err)
	}
	committed := false
	defer func() {
		if !committed {
			t.exec("ROLLBACK") // fails if SQLite has done so itself
		}
	}()
	for _, job := range batch {
		if err := job.runIn(t); err != nil {
			return explain(err)
		}
	}
	_, err := t.exec("COMMIT")
	committed = err == nil
	return explain(err)
}

// runIn does one write under a savepoint. An error returned is one of the
// transaction: when the disk is full, SQLite may have undone all of it, and
// then the savepoint is gone as well.
func (job *write) runIn(t *tx) error {
	if _, err := t.exec("SAVEPOINT job"); err != nil {
		return err
	}
	job.err = explain(job.runAudited(t))
	if job.err != nil {
		if _, err := t.exec("ROLLBACK TO job"); err != nil {
			return fmt.Errorf("%w (%w)", job.err, err)
		}
	}
	_, err := t.exec("RELEASE job")
	return err
}

// runAudited runs the function, and records the call that it belongs to unless
// that is recorded.
func (job *write) runAudited(t *tx) error {
	own := &tx{ctx: t.ctx, w: t.w, call: job.call}
	if err := job.run(own); err != nil {
		return err
	}
	if job.call != nil && !own.audited && !job.call.Recorded() {
		if err := own.audit(job.call.Event(audit.Done)); err != nil {
			return err
		}
	}
	job.audited = own.audited
	return nil
}

func (w *writer) close() error {
	w.seat <- struct{}{}
	defer func() { <-w.seat }()
	if w.closed {
		return nil
	}
	w.closed = true
	for _, stmt := range w.stmts {
		stmt.Close()
	}
	return errors.Join(w.conn.Close(), w.db.Close())
}

// A tx is the transaction that a write runs in.
type tx struct {
	ctx     context.Context
	w       *writer
	call    *audit.Call // that it belongs to; nil: none
	audited bool        // something was recorded
}

// prepared returns the statement of a text. Each is prepared once, since that
// costs more than to run it.
func (t *tx) prepared(query string) (*sql.Stmt, error) {
	stmt, ok := t.w.stmts[query]
	if !ok {
		var err error
		if stmt, err = t.w.conn.PrepareContext(t.ctx, query); err != nil {
			return nil, err
		}
		t.w.stmts[query] = stmt
	}
	return stmt, nil
}

// exec runs a statement and returns the number of rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	stmt, err := t.prepared(query)
	if err != nil {
		return 0, err
	}
	r, err := stmt.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// pragma sets an option of the connection. SQLite does that when it prepares the
// statement, so that one that is kept would do it only once.
func (t *tx) pragma(setting string) error {
	_, err := t.w.conn.ExecContext(t.ctx, "PRAGMA "+setting)
	return err
}

// row runs a query that returns one row.
func (t *tx) row(query string, args ...any) scanner {
	stmt, err := t.prepared(query)
	if err != nil {
		return failedRow{err}
	}
	return stmt.QueryRowContext(t.ctx, args...)
}

// rows runs a query that returns any number of rows. The caller closes them
// before it does anything else in the transaction.
func (t *tx) rows(query string, args ...any) (*sql.Rows, error) {
	stmt, err := t.prepared(query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(t.ctx, args...)
}

// A scanner is a row of a result.
type scanner interface{ Scan(into ...any) error }

// A failedRow is the row of a query that failed.
type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

// next draws the next number of a counter.
func (t *tx) next(counter string) (n int64, err error) {
	err = t.row("UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value", counter).Scan(&n)
	return n, err
}

// checkpoint empties the log of the database, in which what was deleted can
// still be read. Readers that are under way may prevent that; then it is done
// with a later one, or when the log begins anew.
func (w *writer) checkpoint(ctx context.Context) error {
	select {
	case w.seat <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-w.seat }()
	if w.closed {
		return errClosed
	}
	var busy, log, moved int
	_, err := w.conn.ExecContext(ctx, "PRAGMA busy_timeout = 500")
	if err == nil {
		err = w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &moved)
	}
	_, restored := w.conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA busy_timeout = 10000")
	return explain(errors.Join(err, restored))
}
