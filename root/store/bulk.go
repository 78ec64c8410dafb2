package store

import (
	"context"
	"fmt"
)

// BulkStore is the part of a [Store] that decides about many requests at once.
type BulkStore interface {
	// DecideAll decides about registrations in the order given, and returns
	// what became of each. One that cannot be decided leaves the others alone;
	// its outcome has the error that Approve or Reject would have returned. What
	// is returned is durable. When the storage fails on the way, the outcomes of
	// those that are not decided have the cause, and it is returned as well.
	DecideAll(ctx context.Context, verdicts []Verdict, admin string) ([]Outcome, error)
}

// A Verdict is a decision about one registration.
type Verdict struct {
	Registration string
	Revision     int    // what the admin has seen; 0: whatever it is now
	Approve      bool   // false: reject
	Reason       string // of a rejection
}

// An Outcome is what became of a [Verdict].
type Outcome struct {
	Status Status
	Entry  string // that it became, or ""
	Err    error  // nil: it is decided
}

// bulkSize is how many decisions share one transaction: it bounds how long
// registrations wait meanwhile.
const bulkSize = 200

func (s *sqlStore) DecideAll(ctx context.Context, verdicts []Verdict, admin string) ([]Outcome, error) {
	all := make([]Outcome, len(verdicts))
	for first := 0; first < len(verdicts); first += bulkSize {
		last := min(first+bulkSize, len(verdicts))
		out := make([]Outcome, last-first)
		err := s.decide(ctx, admin, func(d *decider) error {
			for i, v := range verdicts[first:last] {
				if err := d.judge(v, &out[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			for i := first; i < len(all); i++ {
				all[i] = Outcome{Err: err}
			}
			return all, err
		}
		copy(all[first:], out)
	}
	return all, nil
}

// judge carries out one verdict under a savepoint of its own. An error returned
// is one of the whole transaction.
func (d *decider) judge(v Verdict, out *Outcome) error {
	if _, err := d.exec("SAVEPOINT verdict"); err != nil {
		return err
	}
	audited := d.audited
	*out = d.carryOut(v)
	if out.Err != nil {
		d.audited = audited
		if _, err := d.exec("ROLLBACK TO verdict"); err != nil {
			return fmt.Errorf("%w (%w)", out.Err, err)
		}
	}
	_, err := d.exec("RELEASE verdict")
	return err
}

func (d *decider) carryOut(v Verdict) Outcome {
	if v.Approve {
		e, err := d.approve(Approval{Registration: v.Registration, Revision: v.Revision, Admin: d.admin})
		if err != nil {
			return Outcome{Err: err}
		}
		return Outcome{Status: Approved, Entry: e.Server.ID}
	}
	if err := d.reject(v.Registration, v.Revision, v.Reason); err != nil {
		return Outcome{Err: err}
	}
	return Outcome{Status: Rejected}
}
