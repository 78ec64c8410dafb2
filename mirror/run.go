package mirror

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

const (
	exampleSchedule = "17 * * * *"

	minInterval = time.Minute // between two turns of a schedule
	firstPause  = time.Minute // after a run that failed; doubles with each further one
	longPause   = time.Hour   // at most
	wakeEvery   = time.Minute // timers stand still while a machine sleeps, clocks do not
)

// Run calls Once at once and then at each turn of the schedule, until the
// context ends; it returns nil then. While the root is away the schedule rests:
// the next try comes after 1, 2, 4 ... and at most 60 minutes, and up to half
// as much again at random, so that the mirrors of a root that comes back do not
// all arrive together. While only targets fail, such tries come beside the
// turns of the schedule. A turn that falls into a run is skipped; one that a
// machine slept through comes as soon as it wakes.
//
// When what a target holds is about to be stale, or is, and when it is fresh
// again, Run says so once in the log and to each channel of Config.Notify,
// whether or not the target can be reached just then.
func (m *Mirror) Run(ctx context.Context) error {
	m.cfg.Log.Info("mirror started", "origin", m.Origin(), "root", m.cfg.Root, "schedule", m.cfg.Schedule, "targets", len(m.cfg.Targets),
		"first_run", "now", "next_turn", m.schedule.Next(m.cfg.Now().UTC()).Format(time.RFC3339))
	for _, n := range m.cfg.Notes {
		m.cfg.Log.Warn("configuration", "note", n)
	}
	w, out := newWatch(len(m.cfg.Targets)), notify.NewOutbox(m.cfg.Notify, m.cfg.Now, m.cfg.Log)
	failures := 0
	for {
		report, err := m.Once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		m.log(&report)
		failures++
		if err == nil {
			failures = 0
		}
		next := m.next(failures, len(report.Root.Errors) > 0)
		m.cfg.Log.Info("next run", "at", next.UTC().Format(time.RFC3339))
		w.learn(&report)
		if !m.sleepUntil(ctx, next, func() { m.look(ctx, w, out) }) {
			return nil
		}
	}
}

// next returns when to run again.
func (m *Mirror) next(failures int, rootAway bool) time.Time {
	now := m.cfg.Now().UTC() // robfig/cron reads an expression in the zone of the time it is given
	turn := m.schedule.Next(now)
	if jitter := m.jitter(turn); jitter > 0 {
		turn = turn.Add(m.cfg.Random(jitter))
	}
	if failures == 0 {
		return turn
	}
	pause := min(firstPause<<min(failures-1, 10), longPause)
	retry := now.Add(pause + m.cfg.Random(pause/2))
	if rootAway || retry.Before(turn) {
		return retry
	}
	return turn
}

// jitter returns the most that may be added to a turn. One that nobody asked
// for leaves a schedule what it says: each turn stays well before the next.
func (m *Mirror) jitter(turn time.Time) time.Duration {
	if m.cfg.Jitter != 0 {
		return m.cfg.Jitter
	}
	return min(DefaultJitter, m.schedule.Next(turn).Sub(turn)/10)
}

// sleepUntil looks around while it waits. It returns false if the context ended
// first.
func (m *Mirror) sleepUntil(ctx context.Context, t time.Time, look func()) bool {
	for {
		look()
		left := t.Sub(m.cfg.Now().Round(0)) // Round drops the monotonic clock
		if left <= 0 {
			return ctx.Err() == nil
		}
		if !pause(ctx, min(left, wakeEvery)) {
			return false
		}
	}
}

// pause returns false if the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Spread waits for a random time below limit, so that jobs of many machines
// that start at one minute do not meet. It returns false if the context ended
// first.
func (m *Mirror) Spread(ctx context.Context, limit time.Duration) bool {
	return limit <= 0 || pause(ctx, m.cfg.Random(limit))
}

func (m *Mirror) log(r *Report) {
	log := m.cfg.Log
	for _, e := range r.Root.Errors {
		log.Error("root", "url", r.Root.URL, "error", e)
	}
	for _, n := range r.Root.Notes {
		log.Warn("root", "url", r.Root.URL, "note", n)
	}
	for _, o := range r.Mirrors {
		log.Info("other mirror", "url", o.URL, "answer", o.Answer)
	}
	for i := range r.Targets {
		t := &r.Targets[i]
		for _, remark := range t.Remarks() {
			log.Warn("target", "target", t.Target, "note", remark)
		}
		if !t.OK {
			log.Error("target", "target", t.Target, "error", t.Error)
			continue
		}
		log.Info("target", "target", t.Target, "state", t.String())
	}
}

// parseSchedule takes what cron(8) takes, and the "@hourly" kind.
func parseSchedule(expr string) (cron.Schedule, error) {
	if strings.Contains(expr, "TZ=") {
		return nil, fmt.Errorf("schedule: %q names a time zone; schedules are in UTC", expr)
	}
	s, err := cron.ParseStandard(expr)
	if err != nil {
		return nil, fmt.Errorf("schedule: %q is not a cron expression of five fields as %q (minute 17 of every hour, UTC): %w", expr, exampleSchedule, err)
	}
	if first(s).IsZero() {
		return nil, fmt.Errorf("schedule: %q never comes: there is no such date", expr)
	}
	return s, nil
}

// first returns the first turn after an arbitrary moment.
func first(s cron.Schedule) time.Time { return s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) }

// checkPublicSchedule is for schedules that meet the roots of others.
func checkPublicSchedule(expr string) error {
	s, err := parseSchedule(expr)
	if err == nil && s.Next(first(s)).Sub(first(s)) < minInterval {
		return fmt.Errorf("schedule: %q is more often than once a minute, which only loads the root", expr)
	}
	return err
}
