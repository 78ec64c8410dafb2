package serverlist

import (
	"context"
	"log/slog"
	"time"
)

// clockTolerance is how far ahead of the system clock a document may be issued
// before the clock is suspected.
const clockTolerance = 24 * time.Hour

// A confirmation is that in this refresh a source has the list that is held.
type confirmation struct {
	list *List
	url  string
	from candidate
}

// result describes the server list of a state; live, if not nil, is what a
// source has just confirmed.
func (c *Client) result(s state, attempts []Attempt, live *confirmation) (Result, error) {
	if s.servers == nil {
		return Result{}, &NoListError{attempts}
	}
	l := s.servers.list
	clock := c.cfg.Now()
	now := s.now(clock)
	r := Result{
		List: l, Trust: s.chain, Source: s.servers.source, From: s.servers.from, Attempts: attempts,
		Freshness:    l.Freshness(now),
		Age:          max(0, now.Sub(l.Head.Issued)),
		ClockSuspect: l.Head.Issued.After(clock.Add(clockTolerance)),
	}
	if s.mirrors != nil {
		r.Mirrors = s.mirrors.list
	}
	if live != nil && live.list.Same(l) {
		r.Source, r.From = SourceLive, live.url
	}
	return r, nil
}

// now returns the latest time that is certain to have passed.
func (c *Client) now(clock time.Time) time.Time {
	s := c.snapshot()
	return s.now(clock)
}

func (s *state) now(clock time.Time) time.Time {
	now := later(clock, s.newest)
	raise := func(issued time.Time) {
		if !issued.After(clock.Add(clockTolerance)) {
			now = later(now, issued)
		}
	}
	raise(s.chain.Newest().Issued)
	for _, h := range []*heldList{s.servers, s.mirrors} {
		if h != nil {
			raise(h.list.Head.Issued)
		}
	}
	return now
}

func (c *Client) logAttempt(a Attempt) {
	level := slog.LevelDebug
	switch a.Outcome {
	case OutcomeRefused:
		level = slog.LevelWarn
	case OutcomeFailed:
		level = slog.LevelInfo
	}
	c.cfg.Log.Log(context.Background(), level, "tried a source", "url", a.URL, "document", a.Document,
		"outcome", a.Outcome, "detail", a.Detail, "took", a.Took)
}
