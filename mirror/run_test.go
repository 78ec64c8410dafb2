package mirror

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A localHost is a root without a network, so that synctest can tell when all
// is quiet. It notes when a run began by its first request.
type localHost struct {
	serverlisttest.Net
	away func() bool
	took time.Duration // each request

	mu   sync.Mutex
	runs []time.Time
}

func (h *localHost) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path == "/trust/2.trust" {
		h.mu.Lock()
		h.runs = append(h.runs, time.Now().UTC())
		h.mu.Unlock()
	}
	if h.took > 0 {
		select {
		case <-time.After(h.took):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	if h.away != nil && h.away() {
		return nil, errors.New("the root is away")
	}
	return h.Net.RoundTrip(req)
}

// runFor runs a mirror in a bubble of its own time, which begins at midnight
// of 2000-01-01 UTC, and returns the times at which it asked the root.
func runFor(t *testing.T, total time.Duration, prepare func(*Config, *localHost)) []time.Time {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "www")
	var h *localHost
	synctest.Test(t, func(t *testing.T) {
		root := publishtest.NewRoot(serverlisttest.Options{})
		h = &localHost{Net: serverlisttest.Net{"ms.example.org": siteOf(root.Documents(time.Now().Unix(), "alpha"))}}
		cfg := Config{
			Root: "http://ms.example.org/", Trust: root.Chain().Pinned().Bytes(),
			Targets:  []Target{{Target: publish.Folder{Path: folder}}},
			Schedule: "17 * * * *",
			Jitter:   -1,
			Random:   func(time.Duration) time.Duration { return 0 },
			HTTP:     &http.Client{Transport: h},
		}
		prepare(&cfg, h)
		m, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), total)
		defer cancel()
		if err := m.Run(ctx); err != nil {
			t.Errorf("Run ended with %v", err)
		}
		if ctx.Err() == nil {
			t.Error("Run ended before its context")
		}
	})
	return h.runs
}

func at(times ...string) []time.Time {
	var all []time.Time
	for _, s := range times {
		t, err := time.Parse(time.DateTime, "2000-01-0"+s)
		if err != nil {
			panic(err)
		}
		all = append(all, t)
	}
	return all
}

func wantRuns(t *testing.T, got, want []time.Time) {
	t.Helper()
	if !slices.EqualFunc(got, want, time.Time.Equal) {
		t.Errorf("ran at %v\nwant   %v", got, want)
	}
}

func TestRunFollowsItsSchedule(t *testing.T) {
	got := runFor(t, 3*time.Hour, func(*Config, *localHost) {})
	wantRuns(t, got, at("1 00:00:00", "1 00:17:00", "1 01:17:00", "1 02:17:00"))

	got = runFor(t, 49*time.Hour, func(c *Config, _ *localHost) { c.Schedule = "30 4 * * *" })
	wantRuns(t, got, at("1 00:00:00", "1 04:30:00", "2 04:30:00"))
}

// TestRunDrawsAMinute: without a schedule every mirror has a minute of its own.
func TestRunDrawsAMinute(t *testing.T) {
	got := runFor(t, 2*time.Hour, func(c *Config, _ *localHost) {
		c.Schedule = ""
		c.Random = func(below time.Duration) time.Duration {
			if below != 60 {
				t.Errorf("a random number below %d was asked for", below)
			}
			return 42
		}
	})
	wantRuns(t, got, at("1 00:00:00", "1 00:42:00", "1 01:42:00"))
}

func TestRunAddsJitter(t *testing.T) {
	var below []time.Duration
	got := runFor(t, 2*time.Hour, func(c *Config, _ *localHost) {
		c.Schedule, c.Jitter = "", 0 // the defaults
		c.Random = func(d time.Duration) time.Duration {
			if d == 60 {
				return 17 // the minute
			}
			below = append(below, d)
			return d - time.Second
		}
	})
	wantRuns(t, got, at("1 00:00:00", "1 00:26:59", "1 01:26:59"))
	for _, d := range below {
		if d != DefaultJitter {
			t.Errorf("a random time below %v was asked for", d)
		}
	}
}

// TestRunKeepsToItsSchedule: a jitter that was not asked for does not make of
// every minute every tenth.
func TestRunKeepsToItsSchedule(t *testing.T) {
	got := runFor(t, 3*time.Minute+30*time.Second, func(c *Config, _ *localHost) {
		c.Schedule, c.Jitter = "* * * * *", 0
		c.Random = func(d time.Duration) time.Duration { return d - time.Second }
	})
	wantRuns(t, got, at("1 00:00:00", "1 00:01:05", "1 00:02:05", "1 00:03:05"))
}

// A slowTarget takes its time, once.
type slowTarget struct {
	publish.Target
	first sync.Once
}

func (s *slowTarget) Open(ctx context.Context) (publish.Session, error) {
	s.first.Do(func() { time.Sleep(100 * time.Minute) })
	return s.Target.Open(ctx)
}

// TestRunSkipsTurns: the turns that fall into a run of 100 minutes are not
// made up for.
func TestRunSkipsTurns(t *testing.T) {
	got := runFor(t, 4*time.Hour, func(c *Config, _ *localHost) {
		c.Targets[0].Target = &slowTarget{Target: c.Targets[0].Target}
	})
	wantRuns(t, got, at("1 01:40:00", "1 02:17:00", "1 03:17:00"))
}

// TestRunBacksOff: while the root is away the pauses double up to an hour,
// however frequent the schedule is; then the schedule holds again.
func TestRunBacksOff(t *testing.T) {
	got := runFor(t, 6*time.Hour, func(c *Config, h *localHost) {
		c.Schedule = "*/5 * * * *"
		start := time.Now()
		h.away = func() bool { return time.Since(start) < 4*time.Hour }
	})
	want := at("1 00:00:00", "1 00:01:00", "1 00:03:00", "1 00:07:00", "1 00:15:00", "1 00:31:00", "1 01:03:00",
		"1 02:03:00", "1 03:03:00", "1 04:03:00", "1 04:05:00", "1 04:10:00")
	if len(got) < len(want) {
		t.Fatalf("ran at %v", got)
	}
	wantRuns(t, got[:len(want)], want)
}

// A brokenTarget cannot be reached.
type brokenTarget struct{}

func (brokenTarget) String() string { return "broken" }

func (brokenTarget) Open(context.Context) (publish.Session, error) {
	return nil, errors.New("connection refused")
}

// TestRunKeepsItsScheduleForOthers: a target that fails is tried again soon,
// and never makes the turns of the others rarer.
func TestRunKeepsItsScheduleForOthers(t *testing.T) {
	broken := func(c *Config) { c.Targets = append(c.Targets, Target{Target: brokenTarget{}}) }
	got := runFor(t, 26*time.Minute, func(c *Config, _ *localHost) {
		broken(c)
		c.Schedule = "*/5 * * * *"
	})
	wantRuns(t, got, at("1 00:00:00", "1 00:01:00", "1 00:03:00", "1 00:05:00", "1 00:10:00", "1 00:15:00", "1 00:20:00", "1 00:25:00"))

	got = runFor(t, 8*time.Minute, func(c *Config, _ *localHost) {
		broken(c)
		c.Schedule = "0 12 * * *"
	})
	wantRuns(t, got, at("1 00:00:00", "1 00:01:00", "1 00:03:00", "1 00:07:00"))
}

func TestRunSpreadsReturns(t *testing.T) {
	got := runFor(t, 10*time.Minute, func(c *Config, h *localHost) {
		c.Random = func(d time.Duration) time.Duration { return d / 2 }
		h.away = func() bool { return true }
	})
	wantRuns(t, got, at("1 00:00:00", "1 00:01:15", "1 00:03:45", "1 00:08:45"))
}

// TestRunAfterSleep: a machine that slept, or whose clock was wrong, runs as
// soon as its clock says that the turn has come.
func TestRunAfterSleep(t *testing.T) {
	got := runFor(t, 30*time.Minute, func(c *Config, h *localHost) {
		start := time.Now()
		c.Schedule = "0 12 * * *"
		c.Now = func() time.Time {
			if time.Since(start) > 10*time.Minute {
				return time.Now().Add(12 * time.Hour)
			}
			return time.Now()
		}
	})
	wantRuns(t, got, at("1 00:00:00", "1 00:11:00"))
}

// TestRunEndsInTheMiddle: the context ends during a request.
func TestRunEndsInTheMiddle(t *testing.T) {
	got := runFor(t, time.Minute, func(_ *Config, h *localHost) { h.took = time.Hour })
	wantRuns(t, got, at("1 00:00:00"))
}
