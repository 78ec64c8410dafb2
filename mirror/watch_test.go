package mirror

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/notify"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A listener is a channel that keeps what it hears, with the time.
type listener struct {
	away  func() bool
	mu    sync.Mutex
	heard []string
	last  notify.Message
}

func (l *listener) String() string { return "listener" }

func (l *listener) Send(_ context.Context, m notify.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away != nil && l.away() {
		return errors.New("nobody there")
	}
	_, what, _ := strings.Cut(m.Subject, ": ")
	l.heard, l.last = append(l.heard, time.Now().UTC().Format("2 15:04")+" "+what), m
	return nil
}

// watchWorld runs a mirror for some days of a bubble, in which the root
// publishes a list at midnight that is fresh for a day, and is away as told.
func watchWorld(t *testing.T, total time.Duration, prepare func(*Config, *localHost, *listener)) (l *listener, log string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "www")
	l = &listener{}
	var buf bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		root := publishtest.NewRoot(serverlisttest.Options{})
		site := siteOf(root.Documents(time.Now().Unix(), "alpha"))
		h := &localHost{Net: serverlisttest.Net{"ms.example.org": site}}
		cfg := Config{
			Root: "http://ms.example.org/", Trust: root.Chain().Pinned().Bytes(),
			Targets:  []Target{{Target: publish.Folder{Path: folder}}},
			Schedule: "17 * * * *", Jitter: -1,
			Random: func(time.Duration) time.Duration { return 0 },
			HTTP:   &http.Client{Transport: h},
			Notify: []notify.Channel{l},
			Log:    slog.New(slog.NewTextHandler(&buf, nil)),
		}
		prepare(&cfg, h, l)
		m, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), total)
		defer cancel()
		start := time.Now()
		renew := time.AfterFunc(36*time.Hour, func() { serve(site, root.Documents(time.Now().Unix(), "alpha")) })
		defer renew.Stop()
		if err := m.Run(ctx); err != nil {
			t.Errorf("Run ended with %v after %v", err, time.Since(start))
		}
	})
	return l, buf.String()
}

// TestWatch: the list of midnight is fresh for a day; six hours before its end,
// at its end, and with the next edition after 36 hours one message each comes.
func TestWatch(t *testing.T) {
	l, log := watchWorld(t, 40*time.Hour, func(*Config, *localHost, *listener) {})
	want := []string{"1 18:00 what is published is about to be stale", "2 00:00 what is published is stale", "2 12:17 what is published is fresh again"}
	if !slices.Equal(l.heard, want) {
		t.Errorf("heard %q\nwant  %q", l.heard, want)
	}
	for _, line := range []string{"level=WARN msg=\"what is published is about to be stale\" target=\"folder", "level=ERROR msg=\"what is published is stale\"", "level=INFO msg=\"what is published is fresh again\""} {
		if strings.Count(log, line) != 1 {
			t.Errorf("the log has %q %d times", line, strings.Count(log, line))
		}
	}
	if l.last.Event != EventFreshness || l.last.ID == "" || !strings.Contains(l.last.Text, "fresh until") {
		t.Errorf("the last message is %+v", l.last)
	}
}

// TestWatchWhileTheRootIsAway: the message says what is wrong with the root, and
// comes in time though no run succeeds.
func TestWatchWhileTheRootIsAway(t *testing.T) {
	l, _ := watchWorld(t, 20*time.Hour, func(c *Config, h *localHost, _ *listener) {
		start := time.Now()
		h.away = func() bool { return time.Since(start) > time.Hour }
		c.WarnBefore = 22 * time.Hour
	})
	if want := []string{"1 02:00 what is published is about to be stale"}; !slices.Equal(l.heard, want) {
		t.Fatalf("heard %q", l.heard)
	}
	if !strings.Contains(l.last.Text, "The root http://ms.example.org/: ") || !strings.Contains(l.last.Text, "the root is away") || !strings.Contains(l.last.Text, "metaserver mirror check") {
		t.Errorf("the text is\n%s", l.last.Text)
	}
	details := l.last.Details.(FreshnessDetails)
	if len(details.Changes) != 1 || details.Changes[0].Was != Fresh || details.Changes[0].Is != Expiring || len(details.RootErrors) == 0 {
		t.Errorf("the details are %+v", details)
	}
}

// A fadingTarget cannot be reached after its first hour.
type fadingTarget struct {
	publish.Target
	start time.Time
}

func (f *fadingTarget) Open(ctx context.Context) (publish.Session, error) {
	if time.Since(f.start) > time.Hour {
		return nil, errors.New("no route to host")
	}
	return f.Target.Open(ctx)
}

// TestWatchOfATargetThatIsAway: what it held when it was last seen ages on.
func TestWatchOfATargetThatIsAway(t *testing.T) {
	l, _ := watchWorld(t, 40*time.Hour, func(c *Config, _ *localHost, _ *listener) {
		c.Targets[0].Target = &fadingTarget{c.Targets[0].Target, time.Now()}
	})
	want := []string{"1 18:00 what is published is about to be stale", "2 00:00 what is published is stale"}
	if !slices.Equal(l.heard, want) {
		t.Errorf("heard %q\nwant  %q", l.heard, want)
	}
	if !strings.Contains(l.last.Text, "no route to host") {
		t.Errorf("the text is\n%s", l.last.Text)
	}
}

// TestWatchSendsLater: what nobody took waits.
func TestWatchSendsLater(t *testing.T) {
	l, _ := watchWorld(t, 26*time.Hour, func(_ *Config, _ *localHost, l *listener) {
		start := time.Now()
		l.away = func() bool { return time.Since(start) < 18*time.Hour+12*time.Minute }
	})
	want := []string{"1 18:15 what is published is about to be stale", "2 00:00 what is published is stale"}
	if !slices.Equal(l.heard, want) {
		t.Errorf("heard %q\nwant  %q", l.heard, want)
	}
}

// TestTell sends at each call, and only what is not fresh.
func TestTell(t *testing.T) {
	t.Parallel()
	w, l := newWorld(t), &listener{}
	w.cfg.Notify = []notify.Channel{l}
	w.host.serve(w.Documents(t0, "alpha"))
	m, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	report, err := m.Once(t.Context())
	if err := errors.Join(err, m.Tell(t.Context(), &report)); err != nil || len(l.heard) != 0 || report.Fading() || report.Targets[0].Freshness != Fresh {
		t.Fatalf("heard %q of %+v, %v", l.heard, report, err)
	}
	w.cfg.Now = func() time.Time { return time.Unix(t0, 0).Add(24 * time.Hour) }
	if m, err = New(w.cfg); err != nil {
		t.Fatal(err)
	}
	report, err = m.Once(t.Context())
	if err := errors.Join(err, m.Tell(t.Context(), &report), m.Tell(t.Context(), &report)); err != nil || len(l.heard) != 2 || !report.Fading() {
		t.Fatalf("heard %q of %+v, %v", l.heard, report, err)
	}
	if !report.OK || report.Targets[0].Freshness != Stale || !strings.Contains(l.last.Subject, "is stale") {
		t.Errorf("heard %q of %+v", l.heard, report)
	}
	l.away = func() bool { return true }
	if err := m.Tell(t.Context(), &report); err == nil || !strings.Contains(err.Error(), "listener: the message") {
		t.Errorf("nobody there: %v", err)
	}
}

// A hangingTarget answers nothing until its context ends.
type hangingTarget struct{}

func (hangingTarget) String() string { return "hanging" }

func (hangingTarget) Open(ctx context.Context) (publish.Session, error) {
	<-ctx.Done()
	return nil, errors.New("it hangs")
}

// TestOnceWithATargetThatHangs: the others are published within seconds, and
// the hanging one is given up at last.
func TestOnceWithATargetThatHangs(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "www")
	synctest.Test(t, func(t *testing.T) {
		root := publishtest.NewRoot(serverlisttest.Options{})
		docs := root.Documents(time.Now().Unix(), "alpha")
		h := &localHost{Net: serverlisttest.Net{"ms.example.org": siteOf(docs)}}
		m, err := New(Config{
			Root: "http://ms.example.org/", Trust: root.Chain().Pinned().Bytes(),
			Targets: []Target{{Target: hangingTarget{}}, {Target: publish.Folder{Path: folder}}},
			HTTP:    &http.Client{Transport: h},
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		done := make(chan Report, 1)
		go func() {
			report, _ := m.Once(t.Context())
			done <- report
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		wantFolder(t, folder, docs)
		report := <-done
		if took := time.Since(start); took != targetTimeout+lateTarget {
			t.Errorf("the run took %v", took)
		}
		if report.OK || report.Targets[0].OK || !strings.Contains(report.Targets[0].Error, "it hangs") || !report.Targets[1].OK {
			t.Errorf("the report is %+v", report)
		}
	})
}

func TestSpread(t *testing.T) {
	w := newWorld(t)
	w.cfg.Random = func(below time.Duration) time.Duration { return below / 2 }
	w.cfg.Schedule = "@hourly"
	m, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if !m.Spread(t.Context(), 10*time.Minute) || time.Since(start) != 5*time.Minute {
			t.Errorf("it waited %v", time.Since(start))
		}
		if !m.Spread(t.Context(), 0) || time.Since(start) != 5*time.Minute {
			t.Error("it waited without being told to")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if m.Spread(ctx, time.Hour) {
			t.Error("it went on after its context had ended")
		}
	})
}
