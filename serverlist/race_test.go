package serverlist

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A lane says how one candidate of a test race behaves. Times count from its
// start; zero: never.
type lane struct {
	alive, again, fail, win time.Duration // again: shows life once more
	failAtOnce              bool
}

// runLanes races and returns when each candidate started, in milliseconds,
// who won, and when.
func runLanes(t *testing.T, parallel int, lanes []lane, change func(r *race)) (starts string, winner int, at time.Duration) {
	t.Helper()
	begin := time.Now()
	var mu sync.Mutex
	var log []string
	next := 0
	r := &race{
		parallel: parallel,
		pause:    300 * time.Millisecond, chance: 30 * time.Second, silent: 4 * time.Second,
		next: numbers(func(bool) (int, bool) {
			next++
			return next - 1, next <= len(lanes)
		}),
	}
	r.ask = asking(func(ctx context.Context, i int, alone bool, alive func()) (int, error) {
		mu.Lock()
		mark := ""
		if alone {
			mark = "!"
		}
		log = append(log, fmt.Sprintf("%d%s", time.Since(begin).Milliseconds(), mark))
		mu.Unlock()
		return runLane(ctx, lanes[i], i, alive)
	})
	if change != nil {
		change(r)
	}
	winner = winnerOf(r.run(t.Context()))
	return strings.Join(log, " "), winner, time.Since(begin)
}

// The candidates of these tests are numbers, and each wins with its own.

func numbers(next func(patient bool) (int, bool)) func(bool) (candidate, bool) {
	return func(patient bool) (candidate, bool) {
		i, ok := next(patient)
		return candidate{base: strconv.Itoa(i)}, ok
	}
}

func asking(ask func(ctx context.Context, i int, alone bool, alive func()) (int, error)) func(context.Context, candidate, bool, func()) (*confirmation, error) {
	return func(ctx context.Context, c candidate, alone bool, alive func()) (*confirmation, error) {
		i, err := strconv.Atoi(c.base)
		if err == nil {
			_, err = ask(ctx, i, alone, alive)
		}
		return &confirmation{from: c}, err
	}
}

// winnerOf returns the winner's number; -1: nobody has won.
func winnerOf(found *confirmation) int {
	if found == nil {
		return -1
	}
	i, err := strconv.Atoi(found.from.base)
	if err != nil {
		panic(err)
	}
	return i
}

func runLane(ctx context.Context, l lane, i int, alive func()) (int, error) {
	if l.failAtOnce {
		return 0, errors.New("failed")
	}
	never := make(<-chan time.Time)
	after := func(d time.Duration) <-chan time.Time {
		if d == 0 {
			return never
		}
		return time.After(d)
	}
	lives, again, fails, wins := after(l.alive), after(l.again), after(l.fail), after(l.win)
	for {
		select {
		case <-lives:
			alive()
		case <-again:
			alive()
		case <-fails:
			return 0, errors.New("failed")
		case <-wins:
			return i, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

func TestRace(t *testing.T) {
	const ms = time.Millisecond
	tests := map[string]struct {
		lanes  []lane
		starts string // milliseconds; "!" when no other was in flight
		winner int
		at     time.Duration
	}{
		"first answers":                    {[]lane{{win: 100 * ms}, {win: ms}}, "0!", 0, 100 * ms},
		"failure starts the next at once":  {[]lane{{fail: 50 * ms}, {win: 100 * ms}}, "0! 50!", 1, 150 * ms},
		"pause starts the next":            {[]lane{{win: time.Hour}, {win: 100 * ms}}, "0! 300", 1, 400 * ms},
		"slow first still wins":            {[]lane{{win: 350 * ms}, {win: time.Hour}}, "0! 300", 0, 350 * ms},
		"life stops the pauses":            {[]lane{{alive: 200 * ms, win: 5 * time.Second}, {win: ms}}, "0!", 0, 5 * time.Second},
		"life does not excuse for ever":    {[]lane{{alive: 200 * ms}, {win: ms}}, "0! 30200", 1, 30201 * ms},
		"failure after life":               {[]lane{{alive: 200 * ms, fail: 900 * ms}, {win: ms}}, "0! 900!", 1, 901 * ms},
		"three silent do not hold up":      {[]lane{{}, {}, {}, {win: 100 * ms}}, "0! 300 600 4000", 3, 4100 * ms},
		"silent ones may still win":        {[]lane{{win: 4200 * ms}, {}, {}, {}, {}}, "0! 300 600 4000", 0, 4200 * ms},
		"all fail":                         {[]lane{{fail: ms}, {failAtOnce: true}, {fail: ms}}, "0! 1! 1!", -1, 2 * ms},
		"one fails beside a living":        {[]lane{{alive: 400 * ms, win: time.Second}, {fail: 200 * ms}, {}}, "0! 300", 0, time.Second},
		"failure while others are silent":  {[]lane{{}, {fail: 100 * ms}, {win: ms}}, "0! 300 400", 2, 401 * ms},
		"no candidates":                    {nil, "", -1, 0},
		"places stay taken until silent":   {[]lane{{fail: 3 * time.Second}, {}, {}, {win: ms}}, "0! 300 600 3000", 3, 3001 * ms},
		"a pause is over but no place yet": {[]lane{{}, {}, {}, {}, {win: ms}}, "0! 300 600 4000 4300", 4, 4301 * ms},
		"the slow give up their places":    {[]lane{{alive: ms}, {alive: ms}, {alive: ms}, {alive: ms, win: 9 * ms}}, "0! 30001 60002 90003", 3, 90012 * ms},
		"slow ones may still win":          {[]lane{{alive: ms, win: 40 * time.Second}, {alive: ms}}, "0! 30001", 0, 40 * time.Second},
		"the slow promise nothing":         {[]lane{{alive: ms}, {}, {}, {win: ms}}, "0! 30001 30301 30601", 3, 30602 * ms},
		"a slow one fails beside a living": {[]lane{{alive: ms, fail: 40 * time.Second}, {alive: ms, win: 20 * time.Second}, {}}, "0! 30001", 1, 50001 * ms},
		"a living one fails beside a slow": {[]lane{{alive: ms}, {alive: ms, fail: time.Second}, {win: ms}}, "0! 30001 31001", 2, 31002 * ms},
		"the silent take no slow one's place": {[]lane{{alive: ms}, {}, {}, {}, {win: ms}},
			"0! 30001 30301 30601 34001", 4, 34002 * ms},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				starts, winner, at := runLanes(t, 3, tt.lanes, nil)
				if starts != tt.starts || winner != tt.winner || at != tt.at {
					t.Errorf("started at %q, %d won after %v; want %q, %d, %v", starts, winner, at, tt.starts, tt.winner, tt.at)
				}
			})
		})
	}
}

// However many are slow, the line is shared by twice as many as there are places.
func TestRaceBoundsSlowOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		lanes := slices.Repeat([]lane{{alive: ms, fail: time.Hour}}, 6)
		lanes = append(lanes, lane{win: ms})
		starts, winner, at := runLanes(t, 3, lanes, nil)
		if want := "0! 30001 60002 90003 120004 150005 3600000"; starts != want || winner != 6 || at != time.Hour+ms {
			t.Errorf("started at %q, %d won after %v; want %q", starts, winner, at, want)
		}
	})
}

// One that begins anew, under a longer chain, has its chance anew.
func TestRaceSecondLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		starts, winner, at := runLanes(t, 3, []lane{{alive: 100 * time.Millisecond, again: 20 * time.Second, win: 49 * time.Second}, {win: time.Millisecond}}, nil)
		if starts != "0!" || winner != 0 {
			t.Errorf("started at %q, %d won after %v", starts, winner, at)
		}
	})
}

func TestRaceLosersAreToldWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told error
		_, winner, _ := runLanes(t, 3, []lane{{}, {win: time.Second}}, func(r *race) {
			ask := r.ask
			r.ask = func(ctx context.Context, c candidate, alone bool, alive func()) (*confirmation, error) {
				found, err := ask(ctx, c, alone, alive)
				if c.base == "0" {
					told = err
				}
				return found, err
			}
		})
		if winner != 1 || !errors.Is(told, errLost) {
			t.Errorf("%d won, the loser was told %v", winner, told)
		}
	})
}

func TestRaceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r := &race{
			parallel: 1, pause: time.Minute, chance: time.Minute, silent: time.Minute,
			next: numbers(func(bool) (int, bool) { return 0, true }),
			ask: asking(func(ctx context.Context, _ int, _ bool, _ func()) (int, error) {
				<-ctx.Done()
				return 0, ctx.Err()
			}),
		}
		if winner := winnerOf(r.run(ctx)); winner >= 0 || ctx.Err() == nil {
			t.Error("a race without a winner has one, or ended early")
		}
	})
}

// Candidates may arrive while the race runs, and those of last resort wait for
// them, but not for ever.
func TestRaceWaitsForCandidates(t *testing.T) {
	for name, tt := range map[string]struct {
		arrives time.Duration // of a mirror; zero: none, and that is known at once
		lanes   []lane        // the root, the mirror
		want    string
	}{
		"the mirror comes in time":     {200 * time.Millisecond, []lane{{win: time.Second}, {win: time.Second}}, "mirror at 1.2s"},
		"the root after the pause":     {900 * time.Millisecond, []lane{{win: time.Second}, {win: time.Minute}}, "root at 1.3s"},
		"the root fails, mirror later": {2 * time.Second, []lane{{failAtOnce: true}, {win: time.Second}}, "mirror at 3s"},
		"no mirror at all":             {0, []lane{{win: time.Second}, {}}, "root at 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				more := make(chan struct{}, 1)
				settled, mirror, root := tt.arrives == 0, false, true
				var mu sync.Mutex
				if !settled {
					time.AfterFunc(tt.arrives, func() {
						mu.Lock()
						defer mu.Unlock()
						settled, mirror = true, true
						more <- struct{}{}
					})
				}
				r := &race{
					parallel: 3, pause: 300 * time.Millisecond, chance: time.Minute, silent: time.Minute, more: more,
					over: func() bool { mu.Lock(); defer mu.Unlock(); return settled },
					next: numbers(func(patient bool) (int, bool) {
						mu.Lock()
						defer mu.Unlock()
						switch {
						case mirror:
							mirror = false
							return 1, true
						case root && (settled || !patient):
							root = false
							return 0, true
						}
						return 0, false
					}),
					ask: asking(func(ctx context.Context, i int, _ bool, alive func()) (int, error) {
						return runLane(ctx, tt.lanes[i], i, alive)
					}),
				}
				winner := winnerOf(r.run(t.Context()))
				got := fmt.Sprintf("%s at %v", []string{"nobody", "root", "mirror"}[winner+1], time.Since(begin))
				if got != tt.want {
					t.Errorf("%s; want %s", got, tt.want)
				}
			})
		})
	}
}

// The last candidates arrive between two looks at the pool.
func TestRaceSeesCandidatesThatComeLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		more := make(chan struct{}, 1)
		looked, settled := false, false
		r := &race{
			parallel: 3, pause: time.Second, chance: time.Second, silent: time.Second, more: more,
			over: func() bool { return settled },
			next: numbers(func(bool) (int, bool) {
				if !looked { // they come just after this
					looked, settled = true, true
					more <- struct{}{}
					return 0, false
				}
				return 7, true
			}),
			ask: asking(func(_ context.Context, i int, _ bool, _ func()) (int, error) { return i, nil }),
		}
		if winner := winnerOf(r.run(t.Context())); winner != 7 {
			t.Errorf("%d has won", winner)
		}
	})
}
