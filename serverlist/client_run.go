package serverlist

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	firstRetry   = 15 * time.Second // the pause after the first refresh that found nobody, or nothing fresh
	longestPause = 1 << 62          // and a tenth more is still a time.Duration
)

// Run refreshes until ctx ends, and returns its error. It calls changed, never
// twice at once, first with what is held, then whenever the list, its source,
// its freshness or the suspicion about the clock is another one. As long as
// there is no list at all, changed is not called.
//
// The pause between two refreshes is every, give or take a tenth, so that
// programs started together do not ask together. After a refresh without a
// live and fresh list it is shorter: 15 s, then twice as long each time up to
// every, and of that between half and all.
func (c *Client) Run(ctx context.Context, every time.Duration, changed func(Result)) error {
	if every <= 0 {
		return fmt.Errorf("Run: the interval is %v; it must be positive", every)
	}
	var shown Result
	show := func(r Result, err error) {
		if err == nil && differs(shown, r) {
			shown = r
			changed(r)
		}
	}
	show(c.Cached())
	for failures := 0; ; {
		r, err := c.Refresh(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		show(r, err)
		if err == nil && r.Source == SourceLive && r.Freshness == Fresh {
			failures = 0
		} else {
			failures++
		}
		if err := sleep(ctx, pauseAfter(failures, every, rand.Float64())); err != nil {
			return err
		}
	}
}

// differs tells whether a result shows something else than the one before.
func differs(a, b Result) bool {
	return a.List == nil || !a.List.Same(b.List) || a.Source != b.Source ||
		a.Freshness != b.Freshness || a.ClockSuspect != b.ClockSuspect
}

// pauseAfter is the pause after so many failures in a row; dice is in [0, 1).
func pauseAfter(failures int, every time.Duration, dice float64) time.Duration {
	every = min(every, longestPause)
	if failures == 0 {
		return time.Duration(float64(every) * (0.9 + 0.2*dice))
	}
	pause := firstRetry
	for range failures - 1 {
		if pause >= every/2 {
			pause = every
			break
		}
		pause *= 2
	}
	return time.Duration(float64(min(pause, every)) * (0.5 + 0.5*dice))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
