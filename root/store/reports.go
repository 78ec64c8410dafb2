package store

import (
	"context"
	"net/netip"
	"time"
)

// ReportStore is the part of a [Store] that keeps what players report about
// entries. One source has one open report about an entry: a newer one takes the
// place of the older.
type ReportStore interface {
	// AddReport stores a report. Errors: [ErrNotFound] when there is no such
	// entry, or it is revoked; [*TooManyError] beyond MaxReports or
	// MaxEntryReports.
	AddReport(ctx context.Context, r Report, source netip.Addr) error

	// OpenReports returns the open reports, those about one entry together,
	// newest first.
	OpenReports(ctx context.Context) ([]Report, error)

	// CountReports counts the open reports by entry: about one, or all if it is "".
	CountReports(ctx context.Context, entry string) (map[string]int, error)

	// ResolveReports ends the open reports about an entry, forgets where they
	// came from, and returns how many. [ErrNotFound] when there is none.
	ResolveReports(ctx context.Context, entry, note, admin string) (int, error)
}

// A Report is what a player says of a server.
type Report struct {
	Entry string
	Kind  string
	Text  string
	At    time.Time
}

// Bounds of open reports.
const (
	MaxReports      = 10_000
	MaxEntryReports = 100
)

// ActionResolve is that of an admin who is done with reports.
const ActionResolve Action = "resolve-reports"

func (s *sqlStore) AddReport(ctx context.Context, r Report, source netip.Addr) error {
	from, now := sourceGroup(source), s.now().Unix()
	return s.w.do(ctx, func(t *tx) error {
		e, err := t.entry(r.Entry)
		if err == nil && e.State == EntryRevoked {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := t.roomForReport(r.Entry, from); err != nil {
			return err
		}
		id, err := t.next("report")
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO reports (id, entry, kind, report, source, at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (entry, source) WHERE resolved = 0 AND source <> '' DO UPDATE SET kind = excluded.kind, report = excluded.report, at = excluded.at`,
			id, r.Entry, r.Kind, r.Text, from, now)
		return err
	})
}

// roomForReport refuses one more report than there may be.
func (t *tx) roomForReport(entry, from string) error {
	var all, about, same int
	err := t.row(`SELECT (SELECT COUNT(*) FROM reports WHERE resolved = 0), (SELECT COUNT(*) FROM reports WHERE resolved = 0 AND entry = $1),
		(SELECT COUNT(*) FROM reports WHERE resolved = 0 AND entry = $1 AND source = $2)`, entry, from).Scan(&all, &about, &same)
	switch {
	case err != nil || same > 0:
		return err
	case about >= MaxEntryReports:
		return &TooManyError{"open reports about " + entry, MaxEntryReports}
	case all >= MaxReports:
		return &TooManyError{"open reports", MaxReports}
	}
	return nil
}

func (s *sqlStore) OpenReports(ctx context.Context) ([]Report, error) {
	rows, err := s.r.QueryContext(ctx, "SELECT entry, kind, report, at FROM reports WHERE resolved = 0 ORDER BY entry, at DESC, id DESC")
	return readRows(rows, err, func(row scanner) (r Report, err error) {
		var at int64
		err = row.Scan(&r.Entry, &r.Kind, &r.Text, &at)
		r.At = unixTime(at)
		return r, err
	})
}

func (s *sqlStore) ResolveReports(ctx context.Context, entry, note, admin string) (n int, err error) {
	err = s.decide(ctx, admin, func(d *decider) error {
		changed, err := d.exec("UPDATE reports SET resolved = $1, admin = $2, note = $3, source = '' WHERE entry = $4 AND resolved = 0", d.now, admin, note, entry)
		if err != nil {
			return err
		}
		if n = int(changed); n == 0 {
			return ErrNotFound
		}
		return d.recordAbout(ActionResolve, entry, note)
	})
	return n, err
}

func (s *sqlStore) CountReports(ctx context.Context, entry string) (map[string]int, error) {
	type about struct {
		entry string
		n     int
	}
	rows, err := s.r.QueryContext(ctx, "SELECT entry, COUNT(*) FROM reports WHERE resolved = 0 AND ($1 = '' OR entry = $1) GROUP BY entry", entry)
	all, err := readRows(rows, err, func(row scanner) (a about, err error) { return a, row.Scan(&a.entry, &a.n) })
	counts := make(map[string]int, len(all))
	for _, a := range all {
		counts[a.entry] = a.n
	}
	return counts, err
}
