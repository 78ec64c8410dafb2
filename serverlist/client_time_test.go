package serverlist_test

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

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// silence makes these hosts accept and never answer.
func (p *play) silence(names ...string) {
	for _, n := range names {
		p.site[n].SetFault(serverlisttest.Silent)
	}
}

// hold puts what is published into the player's cache.
func (p *play) hold() {
	p.cfg.Cache = serverlist.DirCache(p.t.TempDir())
	folder := p.Folder()
	for _, name := range []string{"server.list", "mirror.list"} {
		p.store(name, folder[name].Data, p.Clock.Now())
	}
}

// How long a player waits. In every case the root stands behind the mirrors.
func TestRefreshTakes(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(p *play)
		source  serverlist.Source
		from    string
		at      time.Duration
	}{
		"a silent mirror, nothing held": {func(p *play) {
			// 0.3 s for the mirror, then the root is asked; it is the second
			// operator too, so nobody is left to compare with.
			p.silence("a")
		}, serverlist.SourceLive, rootURL, 300*time.Millisecond + 1500*time.Millisecond},
		"a silent mirror, a list held": {func(p *play) {
			p.hold()
			p.silence("a")
		}, serverlist.SourceLive, rootURL, 1500*time.Millisecond + 4*time.Second},
		"a silent root, a good mirror known": {func(p *play) {
			p.hold()
			p.silence("root")
		}, serverlist.SourceLive, "http://a.example/", 4 * time.Second},
		"everybody silent, a list held": {func(p *play) {
			p.hold()
			p.silence("a", "root")
		}, serverlist.SourceCached, "", 31500 * time.Millisecond},
		"all at hand": {func(p *play) { p.hold() }, serverlist.SourceLive, "http://a.example/", 0},
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
		p.silence("a", "b", "c")
		began := time.Now()
		var first time.Duration
		var once sync.Once
		site := p.site["good"]
		p.net["good.example"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			once.Do(func() { first = time.Since(began) })
			site.ServeHTTP(rw, r)
		})
		r := p.refresh()
		expectList(t, r, serverlist.SourceLive, "cat2")
		if first > 4*time.Second {
			t.Errorf("the good mirror was asked after %v", first)
		}
		asked := slices.DeleteFunc(site.Asked(), func(s string) bool { return !strings.HasPrefix(s, "server.list") })
		if first > 0 && !slices.Equal(asked, []string{"server.list [range]", "server.list"}) {
			t.Errorf("asked after %v for %q", first, asked)
		}
	})
}

// One body at a time: a mirror that shows its head and then crawls is given
// two and a half seconds before another body is fetched.
func TestCrawlingBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		doc := p.Publish(serverlist.Draft{Body: manyServers(t, 4000)})
		p.net["a.example"] = dripping(doc, 5000, time.Second, 0) // above the minimum, for minutes
		begin := time.Now()
		r := p.refresh()
		if r.From != rootURL+"server.list" || len(r.List.Servers) != 4000 {
			t.Errorf("from %s", r.From)
		}
		if took := time.Since(begin); took != 2500*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// Mirrors that show their heads and then crawl hold up the others only for as
// long as each has its chance, whether they are slow enough to be let go or
// not. Of many of them six share the line: that many can keep it.
func TestCrawlingMirrors(t *testing.T) {
	for name, tt := range map[string]struct {
		crawling int
		rate     int // bytes per second
		most     time.Duration
		inFlight int32
	}{
		"three of four, one byte each second":        {3, 1, 7500 * time.Millisecond, 4},
		"three of four, above the minimum":           {3, 5000, 7500 * time.Millisecond, 4},
		"twenty of twenty-one, one byte each second": {20, 1, 50 * time.Second, 6},
		"eight of nine, above the minimum":           {8, 5000, 10 * time.Minute, 6},
	} {
		t.Run(name, func(t *testing.T) {
			for range 10 { // in whichever order they are asked
				synctest.Test(t, func(t *testing.T) {
					names := []string{"good"}
					for i := range tt.crawling {
						names = append(names, fmt.Sprint("m", i))
					}
					p := newPlay(t, names...)
					doc := p.Publish(serverlist.Draft{Body: manyServers(t, 4000)})
					p.cfg.Static = p.shipped(nil, p.mirrorList(names...))
					delete(p.net, "root.example")
					var inFlight, most atomic.Int32
					for _, name := range names[1:] {
						p.net[name+".example"] = crawling(p.site[name], doc, tt.rate, &inFlight, &most)
					}
					begin := time.Now()
					r := p.refresh()
					if took := time.Since(begin); len(r.List.Servers) != 4000 || took > tt.most {
						t.Errorf("took %v for %d servers%s", took, len(r.List.Servers), lines(r.Attempts))
					}
					if n := most.Load(); n > tt.inFlight {
						t.Errorf("%d in flight", n)
					}
				})
			}
		})
	}
}

// crawling is a site that sends the server list's head at once and its body at
// so many bytes per second; most is the most bodies that were on their way.
func crawling(site http.Handler, doc []byte, rate int, inFlight, most *atomic.Int32) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/server.list" || r.Header.Get("Range") != "" {
			site.ServeHTTP(rw, r)
			return
		}
		n := inFlight.Add(1)
		defer inFlight.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		rw.Write(doc[:1000]) // the head is shorter
		dripping(doc[1000:], rate, time.Second, 0).ServeHTTP(rw, r)
	})
}

func TestRefreshEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		p.silence("a", "root")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var none *serverlist.NoListError
		if _, err := p.client().Refresh(ctx); !errors.As(err, &none) || !strings.Contains(err.Error(), "given up: context deadline exceeded") {
			t.Errorf("nothing held: %v", err)
		}
		p.hold()
		c := p.client()
		r, err := c.Refresh(ctx)
		if err != nil {
			t.Fatal(err)
		}
		expectList(t, r, serverlist.SourceCached, "cat2")

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
		expectList(t, r, serverlist.SourceCached, "cat2")
		time.Sleep(time.Minute)
	})
}

// A mirror that was no help goes to the end of the next refresh, in memory.
func TestDemotion(t *testing.T) {
	for range 10 {
		synctest.Test(t, func(t *testing.T) {
			p := newPlay(t, "bad", "good")
			p.cfg.Static = p.shipped(nil, p.mirrorList("bad", "good"))
			p.site["bad"].SetFault(serverlisttest.Unavailable)
			c := p.client()
			for len(p.site["bad"].Asked()) == 0 { // until the dice choose it
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
		freshness serverlist.Freshness
		age       time.Duration
		suspect   bool
	}{
		"right":                       {time.Hour, 0, serverlist.Fresh, time.Hour, false},
		"just stale":                  {day, 0, serverlist.Stale, day, false},
		"old":                         {30 * day, 0, serverlist.Old, 30 * day, false},
		"a little behind":             {-time.Hour, 0, serverlist.Fresh, 0, false},
		"a day behind":                {-day, 0, serverlist.Fresh, 0, false},
		"years behind":                {-20 * 365 * day, 0, serverlist.Fresh, 0, true},
		"years behind, shipped later": {-20 * 365 * day, 3 * day, serverlist.Stale, 3 * day, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			clear(p.net)
			issued := p.Clock.Now()
			p.cfg.Now = func() time.Time { return issued.Add(tt.clock) }
			p.cfg.Cache = serverlist.DirCache(t.TempDir())
			p.store("server.list", p.servers("cat2"), issued)
			if tt.shipped != 0 {
				p.Clock.Advance(tt.shipped)
				p.cfg.Static = p.shipped(nil, p.mirrorList())
			}
			r := p.refresh()
			expectList(t, r, serverlist.SourceCached, "cat2")
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
	p.cfg.Cache = serverlist.DirCache(t.TempDir())
	now := p.Clock.Now()
	p.cfg.Now = func() time.Time { return now }
	p.store("server.list", p.servers("cat2"), now)
	p.Clock.Set(now.AddDate(1, 0, 0))
	p.store("mirror.list", p.mirrorList(), now)
	if r := p.refresh(); r.Freshness != serverlist.Fresh || r.ClockSuspect {
		t.Errorf("%s, suspect %v", r.Freshness, r.ClockSuspect)
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a")
		begin := time.Now()
		issued := p.Clock.Now()
		p.cfg.Now = func() time.Time { return issued.Add(time.Since(begin)) }
		p.cfg.Static = p.shipped(p.servers("cat2"), nil)
		var down atomic.Bool
		p.cfg.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if down.Load() {
				return serverlisttest.Net{}.RoundTrip(r)
			}
			return p.net.RoundTrip(r)
		})}
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan string, 10)
		done := make(chan error)
		c := p.client()
		go func() {
			done <- c.Run(ctx, time.Hour, func(r serverlist.Result) {
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
		p.Clock.Advance(2 * time.Hour)
		p.publish("news")
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
