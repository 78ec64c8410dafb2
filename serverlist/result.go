package serverlist

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// Source says where the list of a [Result] was found.
type Source string

// The sources.
const (
	SourceLive   Source = "live"   // in this refresh a root or mirror answered with this very list, or "not modified" to it
	SourceCached Source = "cached" // from the cache, or held in memory since an earlier refresh
	SourceStatic Source = "static" // shipped with the program
)

// Freshness labels the age of a list. It never decides whether a list is shown.
type Freshness string

// The labels.
const (
	Fresh Freshness = "fresh" // before the head's fresh-until
	Stale Freshness = "stale" // after it: show the age
	Old   Freshness = "old"   // after the head's old-after: show a banner
)

// A Result is a list to show, with what a player may want to know of it.
//
// Age and Freshness are by the later of the system clock and the newest issue
// time among what the program shipped with and what it holds, so that a clock
// that is behind does not make an old list look fresh. A document issued more
// than 24 hours ahead of the clock does not count for that, unless the program
// shipped with it.
type Result struct {
	List         *List
	Mirrors      *List       // the newest verified mirror list; nil if there is none
	Trust        *keys.Chain // the chain of trust as far as it is known
	Source       Source
	Freshness    Freshness
	Age          time.Duration // since the list was issued; never negative
	ClockSuspect bool          // issued more than 24 hours ahead of the system clock, which is probably wrong
	From         string        // URL or file of the list
	Attempts     []Attempt     // what was tried, in order, and what came of it
}

// An Attempt is one thing that a client tried.
type Attempt struct {
	URL      string    // URL, or the file's name for cached and static documents
	Document string    // "server.list", "mirror.list", "trust/3.trust"
	Started  time.Time // by the client's clock
	Took     time.Duration
	Outcome  Outcome
	Detail   string // what happened in words; with a failure what it may mean
}

// String returns the attempt as one line.
func (a Attempt) String() string {
	if a.Detail == "" {
		return fmt.Sprintf("%s: %s", a.URL, a.Outcome)
	}
	return fmt.Sprintf("%s: %s: %s", a.URL, a.Outcome, a.Detail)
}

// Outcome is what came of an attempt.
type Outcome string

// The outcomes.
const (
	OutcomeUsed      Outcome = "used"      // verified, and news
	OutcomeUnchanged Outcome = "unchanged" // what is held, or 304 to it
	OutcomeOlder     Outcome = "older"     // verified, but older than what is held: not an error, just not news
	OutcomeAbsent    Outcome = "absent"    // there is no such document, as with the trust document after the newest
	OutcomeRefused   Outcome = "refused"   // answered, and did not verify
	OutcomeFailed    Outcome = "failed"    // did not answer
	OutcomeLost      Outcome = "lost"      // another source was faster; this one was let go
)

// outcomeOf tells what an error of the Fetcher means as an attempt.
func outcomeOf(err error) (Outcome, string) {
	var conflict *ConflictError
	var fetch *FetchError
	switch {
	case errors.Is(err, ErrNotModified):
		return OutcomeUnchanged, "the list that is held"
	case errors.Is(err, ErrOlder):
		return OutcomeOlder, err.Error()
	case errors.As(err, &conflict):
		return OutcomeRefused, strings.TrimPrefix(err.Error(), conflict.URL+": ")
	case errors.Is(err, errLost):
		return OutcomeLost, errLost.Error()
	case errors.Is(err, errGrace):
		return OutcomeLost, errGrace.Error()
	case errors.As(err, &fetch):
		return fetch.Outcome, fetch.Detail
	}
	return OutcomeFailed, err.Error()
}

// NoListError is the error of a client that has no list at all: none live,
// none cached, none static.
type NoListError struct {
	Attempts []Attempt // what was tried, in order
}

// Error lists the attempts, one on a line.
func (e *NoListError) Error() string {
	if len(e.Attempts) == 0 {
		return "no server list: none is held, and there is nobody to ask; configure a root, or ship a static list"
	}
	var b strings.Builder
	b.WriteString("no server list: none of these has one that verifies")
	for _, a := range e.Attempts {
		fmt.Fprintf(&b, "\n  %s", a)
	}
	return b.String()
}
