package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// An Examination is what a look at a database found that may be in use.
type Examination struct {
	Problems []string // of the file; empty: it is whole
	Counts   Counts
	Mirrors  []WatchedMirror
	Audit    audit.Report // of the newest records of the audit log
}

// examinedRecords is how many records of the audit log are verified: about a
// second's worth.
const examinedRecords = 100_000

// maxProblems is the most that is told of a damaged file.
const maxProblems = 10

// Examine reads the whole file, for reading only, and changes nothing. An error
// means that it cannot be read, or that its tables are of another version than
// this program's. It takes about a second for each 500 MB.
func Examine(ctx context.Context, path string) (e Examination, err error) {
	if err := prepareFile(Config{Path: path, MustExist: true}); err != nil {
		return e, err
	}
	uri, err := readOnlyURI(path)
	if err != nil {
		return e, err
	}
	db, err := sql.Open("sqlite", uri)
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if e.Problems, err = quickCheck(ctx, db); err != nil {
		return e, fmt.Errorf("reading the database %s: %w", path, explain(err))
	}
	if len(e.Problems) > 0 {
		return e, nil // what it says may be wrong
	}
	if err := checkTables(ctx, db); err != nil {
		return e, fmt.Errorf("the database %s: %w", path, explain(err))
	}
	s := &sqlStore{r: db}
	if e.Counts, err = s.Counts(ctx); err != nil {
		return e, explain(err)
	}
	if e.Mirrors, err = s.WatchedMirrors(ctx); err != nil {
		return e, explain(err)
	}
	e.Audit, err = s.examineAudit(ctx, examinedRecords)
	return e, err
}

// examineAudit verifies so many of the newest records of the audit log. It also
// finds an end that was cut off, unless the counter was set back as well.
func (s *sqlStore) examineAudit(ctx context.Context, newest int) (audit.Report, error) {
	_, end, err := s.Told(ctx) // first: the root may be adding records
	if err != nil {
		return audit.Report{}, err
	}
	start, err := s.recordsAfter(ctx, audit.Filter{Newest: newest})
	if err != nil {
		return audit.Report{}, err
	}
	var v audit.Verifier
	err = s.Records(ctx, audit.Filter{After: start - 1}, func(r audit.Record) error {
		if start > 0 && r.Number == start {
			v.StartAfter(r)
		} else {
			v.Add(r)
		}
		return nil
	})
	report := v.Report()
	if err == nil && report.Number < end.Audit {
		report.Faults = append(report.Faults, audit.Fault{
			Number: report.Number, Time: report.Time, Problem: fmt.Sprintf("is the newest, and there was a record %d: the end of the log was cut off", end.Audit),
		})
	}
	return report, err
}

func quickCheck(ctx context.Context, db *sql.DB) (problems []string, err error) {
	rows, err := db.QueryContext(ctx, fmt.Sprintf("PRAGMA quick_check(%d)", maxProblems))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		if line != "ok" {
			problems = append(problems, line)
		}
	}
	return problems, rows.Err()
}
