package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// BulkStore is the part of a [Store] that decides about many requests at once.
type BulkStore interface {
	// DecideAll decides about registrations in the order given, and returns
	// what became of each, as Approve and Reject do: what the owner of an entry
	// has asked for is done. One that cannot be decided leaves the others alone;
	// its outcome has the error that Approve or Reject would have returned, and
	// that it was refused is recorded, of many together in one record. What
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

// ActionDecideMany is about many registrations at once. What is done is recorded
// by [ActionApprove] and the like, one by one.
const ActionDecideMany Action = "decide-registrations"

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
			return d.recordRefused(verdicts[first:last], out)
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

// namedRefused is how many refusals a record names that counts them.
const namedRefused = 10

// recordRefused records what was not done of a transaction: one refusal as if
// it had been asked for alone, more of them together.
func (d *decider) recordRefused(verdicts []Verdict, out []Outcome) error {
	var e audit.Event
	var named []string
	for i, v := range verdicts {
		if out[i].Err == nil {
			continue
		}
		action := ActionReject
		if v.Approve {
			action = ActionApprove
		}
		if e.Count++; e.Count == 1 {
			e.Action, e.Subject, e.Detail = action, v.Registration, out[i].Err.Error()
		}
		if len(named) < namedRefused {
			named = append(named, fmt.Sprintf("%s %.32s: %.120s", action, v.Registration, out[i].Err))
		}
	}
	switch {
	case e.Count == 0:
		return nil
	case e.Count > 1:
		e.Action, e.Subject, e.Detail = ActionDecideMany, "", strings.Join(named, "; ")
		if more := int(e.Count) - len(named); more > 0 {
			e.Detail += fmt.Sprintf("; and %d more", more)
		}
	}
	e.Time, e.Admin, e.Outcome = unixTime(d.now), d.admin, audit.Refused
	if d.call != nil && d.call.Admin == d.admin {
		e.Source = d.call.Source
	}
	return d.audit(e)
}
