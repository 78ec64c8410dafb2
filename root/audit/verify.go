package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"
)

// A Fault is a place where a log is not what was written.
type Fault struct {
	Number  int64     // of the record
	Time    time.Time // of the record, as it says now; of a missing one that before it
	Problem string
}

func (f Fault) String() string {
	if f.Time.IsZero() {
		return fmt.Sprintf("record %d: %s", f.Number, f.Problem)
	}
	return fmt.Sprintf("record %d (%s): %s", f.Number, f.Time.Format(time.RFC3339), f.Problem)
}

// maxFaults is how many faults a report names.
const maxFaults = 20

// A Report says what was found in a log.
type Report struct {
	Records int64     // how many there are
	Number  int64     // of the newest
	Time    time.Time // of the newest
	Head    Hash      // of the newest; zeros: there is no record
	Faults  []Fault   // the first of them
	More    int64     // how many faults are not named
}

// Intact tells whether nothing was found.
func (r *Report) Intact() bool { return len(r.Faults) == 0 }

// A Verifier checks a log, record by record from the first. Its zero value is
// ready; it is not safe for concurrent use.
type Verifier struct {
	report   Report
	last     Record
	broken   bool // the last record's hash is not its own
	expected []Hash
	missing  map[Hash]bool
}

// Expect makes the log wrong unless a record has this hash. It is called before
// the first record.
func (v *Verifier) Expect(head Hash) {
	if v.missing == nil {
		v.missing = make(map[Hash]bool)
	}
	if !v.missing[head] {
		v.missing[head] = true
		v.expected = append(v.expected, head)
	}
}

// StartAfter makes the check one of the end of a log: it begins after a record
// of which nothing is doubted. It is called before the first record.
func (v *Verifier) StartAfter(r Record) { v.last = r }

// Add checks the next record.
func (v *Verifier) Add(r Record) {
	v.report.Records++
	intact := r.Sum() == r.Hash
	if !intact {
		v.fault(r.Number, r.Time, "was changed: its hash is not that of what it says")
	} else {
		delete(v.missing, r.Hash)
	}
	switch next := v.last.Number + 1; {
	case r.Number < next:
		v.fault(r.Number, r.Time, fmt.Sprintf("was put in: it stands after record %d", v.last.Number))
		return
	case r.Number == next+1:
		v.fault(next, v.last.Time, "is missing; the time is that of the record before it")
	case r.Number > next:
		v.fault(next, v.last.Time, fmt.Sprintf("is missing, and all up to %d are; the time is that of the record before them", r.Number-1))
	case r.Previous != v.last.Hash && next == 1:
		v.fault(1, r.Time, "is not the first of a log: it follows another record")
	case r.Previous != v.last.Hash && intact && !v.broken:
		v.fault(v.last.Number, v.last.Time, fmt.Sprintf("was changed or put in together with its hash: it is not the one that record %d follows", r.Number))
	}
	v.last, v.broken = r, !intact
}

// AddUnreadable counts a line that is no record.
func (v *Verifier) AddUnreadable(line int64, err error) {
	v.fault(v.last.Number+1, time.Time{}, fmt.Sprintf("line %d %v", line, err))
}

func (v *Verifier) fault(number int64, at time.Time, problem string) {
	if len(v.report.Faults) >= maxFaults {
		v.report.More++
		return
	}
	v.report.Faults = append(v.report.Faults, Fault{number, at, problem})
}

// Report ends the check.
func (v *Verifier) Report() Report {
	for _, head := range v.expected {
		if v.missing[head] {
			v.fault(v.last.Number, v.last.Time, fmt.Sprintf("is the newest, and no record has the hash %s: the end of the log was cut off, or the log was written anew", head))
			delete(v.missing, head)
		}
	}
	v.report.Number, v.report.Time, v.report.Head = v.last.Number, v.last.Time, v.last.Hash
	return v.report
}

// VerifyLines checks an exported log, one record a line, and that it holds
// these heads. Its error is one of reading; what is wrong with the log is in
// the report.
func VerifyLines(r io.Reader, heads ...Hash) (Report, error) {
	var v Verifier
	for _, h := range heads {
		v.Expect(h)
	}
	err := eachLine(r, func(line int64, r Record, err error) error {
		if err != nil {
			v.AddUnreadable(line, err)
			return nil
		}
		v.Add(r)
		return nil
	})
	if err != nil {
		return Report{}, err
	}
	return v.Report(), nil
}

// ReadLines calls each with the records of an exported log and stops at its
// first error, which it returns. It does not check them.
func ReadLines(r io.Reader, each func(Record) error) error {
	return eachLine(r, func(line int64, r Record, err error) error {
		if err != nil {
			return fmt.Errorf("line %d %w", line, err)
		}
		return each(r)
	})
}

// eachLine calls each with every line, or with what is wrong with it.
func eachLine(r io.Reader, each func(line int64, r Record, err error) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, MaxLine+1)
	var line int64
	for in.Scan() {
		line++
		record, err := ParseLine(in.Bytes())
		if err := each(line, record, err); err != nil {
			return err
		}
	}
	if err := in.Err(); errors.Is(err, bufio.ErrTooLong) {
		return each(line+1, Record{}, fmt.Errorf("is longer than %d bytes", MaxLine))
	} else if err != nil {
		return err
	}
	return nil
}
