package serverlist

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// silentHosts makes these hosts accept and never answer.
func (p *play) silentHosts(names ...string) {
	for _, n := range names {
		p.net[n+".example"] = http.HandlerFunc(silent)
	}
}

// held puts what newPlay's mirrors serve into the cache, with an ETag for
// nobody, and the mirror list.
func (p *play) hold(mirrors ...string) {
	p.cfg.Cache = DirCache(p.t.TempDir())
	if err := errors.Join(
		p.cfg.Cache.Store("server.list", p.servers("cat2"), p.now),
		p.cfg.Cache.Store("mirror.list", p.mirrorList(mirrors...), p.now),
	); err != nil {
		p.t.Fatal(err)
	}
}

// How long a player waits. In every case the root stands behind the mirrors.
func TestRefreshTakes(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(p *play)
		source  Source
		from    string
		at      time.Duration
	}{
		"a silent mirror, nothing held": {func(p *play) {
			// 0.3 s for the mirror, then the root is asked; it is the second
			// operator too, so nobody is left to compare with.
			p.silentHosts("a")
		}, SourceLive, rootURL, 300*time.Millisecond + 1500*time.Millisecond},
		"a silent mirror, a list held": {func(p *play) {
			p.hold("a")
			p.silentHosts("a")
		}, SourceLive, rootURL, 1500*time.Millisecond + 4*time.Second},
		"a silent root, a good mirror known": {func(p *play) {
			p.hold("a")
			p.silentHosts("root")
		}, SourceLive, "http://a.example/", 4 * time.Second},
		"everybody silent, a list held": {func(p *play) {
			p.hold("a")
			p.silentHosts("a", "root")
		}, SourceCached, "", 31500 * time.Millisecond},
		"all at hand": {func(p *play) { p.hold("a") }, SourceLive, "http://a.example/", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(t, "a")
				tt.prepare(p)
				begin := time.Now()
				r := p.refresh()
				expectList(t, r, tt.source, "cat2")
				if took := time.Since(begin); took != tt.at || !strings.HasPrefix(r.From, tt.from) {
					t.Errorf("took %v, from %s; want %v, %s%s", took, r.From, tt.at, tt.from, lines(r.Attempts))
				}
			})
		})
	}
}

// Three silent mirrors do not hold up the fourth, and while nothing is held
// further sources are asked for their heads alone.
func TestSilentMirrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a", "b", "c", "good")
		p.silentHosts("a", "b", "c")
		began := time.Now()
		var first time.Duration
		var once sync.Once
		site := p.site("good")
		p.net["good.example"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			once.Do(func() { first = time.Since(began) })
			site.ServeHTTP(rw, r)
		})
		r := p.refresh()
		expectList(t, r, SourceLive, "cat2")
		if first > 4*time.Second {
			t.Errorf("the good mirror was asked after %v", first)
		}
		asked := slices.DeleteFunc(site.asked(), func(s string) bool { return !strings.HasPrefix(s, "/server.list") })
		if first > 0 && !slices.Equal(asked, []string{"/server.list [range]", "/server.list"}) {
			t.Errorf("asked after %v for %q", first, asked)
		}
	})
}

// One body at a time: a mirror that shows its head and then crawls is given
// half a minute before another body is fetched.
func TestCrawlingBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		doc := p.bigServers(1 << 20)
		p.root.put("/server.list", doc)
		p.root.put("/mirror.list", p.mirrorList("a"))
		p.net["a.example"] = dripping(doc, 5000, time.Second, 0) // above the minimum: 210 s
		begin := time.Now()
		r := p.refresh()
		if r.From != rootURL+"server.list" || len(r.List.Servers) < 3000 {
			t.Errorf("from %s", r.From)
		}
		if took := time.Since(begin); took < 30*time.Second || took > 70*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestRefreshEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		p.silentHosts("a", "root")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var none *NoListError
		if _, err := p.client().Refresh(ctx); !errors.As(err, &none) || !strings.Contains(err.Error(), "given up: context deadline exceeded") {
			t.Errorf("nothing held: %v", err)
		}
		p.hold("a")
		c := p.client()
		r, err := c.Refresh(ctx)
		if err != nil {
			t.Fatal(err)
		}
		expectList(t, r, SourceCached, "cat2")

		// While one refresh runs, another waits for it, or for its context.
		go c.Refresh(t.Context())
		synctest.Wait()
		begin := time.Now()
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err = c.Refresh(ctx)
		if err != nil || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		expectList(t, r, SourceCached, "cat2")
		time.Sleep(time.Minute)
	})
}

// A mirror that was no help goes to the end of the next refresh, in memory.
func TestDemotion(t *testing.T) {
	for range 10 {
		synctest.Test(t, func(t *testing.T) {
			p := newPlay(t, "bad", "good")
			p.cfg.Static = static(nil, p.mirrorList("bad", "good"))
			asked := 0
			p.net["bad.example"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				asked++
				http.Error(rw, "", 500)
			})
			c := p.client()
			for asked == 0 { // until the dice choose it
				if _, err := c.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			r, err := c.Refresh(t.Context())
			if err != nil || r.From != "http://good.example/server.list" {
				t.Errorf("from %s, %v", r.From, err)
			}
		})
	}
}

func TestClock(t *testing.T) {
	day := 24 * time.Hour
	for name, tt := range map[string]struct {
		clock     time.Duration // against the issue time of the list
		shipped   time.Duration // the same for a static mirror list; zero: none
		freshness Freshness
		age       time.Duration
		suspect   bool
	}{
		"right":                       {time.Hour, 0, Fresh, time.Hour, false},
		"just stale":                  {day, 0, Stale, day, false},
		"old":                         {30 * day, 0, Old, 30 * day, false},
		"a little behind":             {-time.Hour, 0, Fresh, 0, false},
		"a day behind":                {-day, 0, Fresh, 0, false},
		"years behind":                {-20 * 365 * day, 0, Fresh, 0, true},
		"years behind, shipped later": {-20 * 365 * day, 3 * day, Stale, 3 * day, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			clear(p.net)
			issued := p.now
			p.cfg.Now = func() time.Time { return issued.Add(tt.clock) }
			p.cfg.Cache = DirCache(t.TempDir())
			if err := p.cfg.Cache.Store("server.list", p.servers("cat2"), issued); err != nil {
				t.Fatal(err)
			}
			if tt.shipped != 0 {
				p.now = issued.Add(tt.shipped)
				p.cfg.Static = static(nil, p.mirrorList())
			}
			r := p.refresh()
			expectList(t, r, SourceCached, "cat2")
			if r.Freshness != tt.freshness || r.Age != tt.age || r.ClockSuspect != tt.suspect {
				t.Errorf("%s, age %v, suspect %v; want %s, %v, %v", r.Freshness, r.Age, r.ClockSuspect, tt.freshness, tt.age, tt.suspect)
			}
		})
	}
}

// A list from the far future must not make everything else look old.
func TestFutureListDoesNotMoveTheClock(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	clear(p.net)
	p.cfg.Cache = DirCache(t.TempDir())
	now := p.now
	p.cfg.Now = func() time.Time { return now }
	p.now = now.AddDate(1, 0, 0)
	if err := p.cfg.Cache.Store("mirror.list", p.mirrorList(), now); err != nil {
		t.Fatal(err)
	}
	p.now = now
	if err := p.cfg.Cache.Store("server.list", p.servers("cat2"), now); err != nil {
		t.Fatal(err)
	}
	if r := p.refresh(); r.Freshness != Fresh || r.ClockSuspect {
		t.Errorf("%s, suspect %v", r.Freshness, r.ClockSuspect)
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		begin := time.Now()
		issued := p.now
		p.cfg.Now = func() time.Time { return issued.Add(time.Since(begin)) }
		p.cfg.Static = static(p.servers("cat2"), nil)
		var down atomic.Bool
		p.cfg.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if down.Load() {
				return fakeNet{}.RoundTrip(r)
			}
			return p.net.RoundTrip(r)
		})}
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan string, 10)
		done := make(chan error)
		c := p.client()
		go func() {
			done <- c.Run(ctx, time.Hour, func(r Result) {
				told <- fmt.Sprintf("%s %s %s", r.List.Servers[0].ID, r.Source, r.Freshness)
			})
		}()
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for len(told) > 0 {
				got = append(got, <-told)
			}
			if !slices.Equal(got, want) {
				t.Errorf("told %q, want %q", got, want)
			}
		}
		expect("cat2 static fresh", "cat2 live fresh")
		time.Sleep(3 * time.Hour)
		expect()
		p.now = issued.Add(2 * time.Hour)
		for _, s := range []*site{p.root, p.site("a")} {
			s.put("/server.list", p.servers("news"))
		}
		time.Sleep(67 * time.Minute)
		expect("news live fresh")
		down.Store(true)
		time.Sleep(67 * time.Minute)
		expect("news cached fresh")
		down.Store(false)
		time.Sleep(67 * time.Minute)
		expect("news live fresh")
		time.Sleep(24 * time.Hour)
		expect("news live stale")
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := c.Run(t.Context(), 0, nil); err == nil {
			t.Error("an interval of zero")
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPauseAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		failures int
		dice     float64
		want     time.Duration
	}{
		{0, 0, 54 * time.Minute}, {0, 0.5, time.Hour},
		{1, 0, 7500 * time.Millisecond}, {1, 1, 15 * time.Second},
		{2, 1, 30 * time.Second}, {8, 1, 32 * time.Minute}, {9, 1, time.Hour}, {1000000, 1, time.Hour},
	} {
		if got := pauseAfter(tt.failures, time.Hour, tt.dice); got != tt.want {
			t.Errorf("after %d failures %v, want %v", tt.failures, got, tt.want)
		}
	}
}
