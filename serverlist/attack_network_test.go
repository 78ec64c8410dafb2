package serverlist_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/probe"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// networkAttacks are what hosts can do without a key.
func networkAttacks() []attack {
	return []attack{
		{"endless data", "bytes without end after the list", faulty(serverlisttest.Endless), liveGood, "a/server.list: refused: ... trailing-bytes"},
		{"endless data", "bytes without end after a signed list of several reads", endlessAfterMany, liveGood, "a/server.list: refused: ... trailing-bytes"},
		{"endless data", "a head without end", faulty(serverlisttest.EndlessHead), liveGood, "a/server.list: refused: ... larger than"},
		{"endless data", "a decompression bomb", faulty(serverlisttest.Bomb), liveGood, "a/server.list: refused: ... trailing-bytes"},
		{"endless data", "compressed nothing without end", faulty(serverlisttest.HollowBomb), liveGood, "a/server.list: failed: more bytes"},
		{"endless data", "one byte each second", slowMirror, liveGood, "a/server.list: lost"},
		{"endless data", "the head, and then one byte each second", faulty(serverlisttest.Crawling), liveGood, "a/server.list: failed: the transfer"},
		{"endless data", "the transfer stalls", faulty(serverlisttest.Stalled), liveGood, "a/server.list: failed: the transfer"},
		{"endless data", "the connection breaks", faulty(serverlisttest.Torn), liveGood, "a/server.list: failed: the connection broke off"},
		{"endless data", "a signed list above the launcher's limit", aboveLimit, "cached, fresh: good", "root/server.list: refused: ... larger than 500"},

		{"indefinite freeze", "one of two mirrors is frozen", oneFrozen, "live, fresh: newest", "b/server.list: used"},
		{"indefinite freeze", "all mirrors are frozen, for a day", allFrozen, "live, fresh: newest", "root/server.list: used"},
		{"indefinite freeze", "everybody is frozen, for a day", frozenFor(25 * time.Hour), "live, stale: good", "a/server.list: unchanged"},
		{"indefinite freeze", "everybody is frozen, for a month", frozenFor(31 * 24 * time.Hour), "live, old: good", "a/server.list: unchanged"},
		{"indefinite freeze", "everybody says \"not modified\" for a day", notModified, "live, stale: good", "a/server.list: unchanged"},
		{"indefinite freeze", "a mirror withholds the next trust document", withheldTrust, "live, fresh: rotated", "root/trust/2.trust: used"},

		{"blocked updates", "six silent mirrors beside a good one, the root down", manySilent, liveGood, "good/server.list: used"},
		{"blocked updates", "a stolen key names mirrors that are none, the root down", otherMirrors, liveGood, "a/server.list: unchanged"},
		{"blocked updates", "the only mirror is out of order", faulty(serverlisttest.Unavailable), liveGood, "a/server.list: failed: HTTP 503"},
		{"blocked updates", "the only mirror has nothing", faulty(serverlisttest.NotFound), liveGood, "a/server.list: absent"},
		{"blocked updates", "one of two mirrors has nothing, again and again", uselessMirror, liveGood, "a/server.list: absent"},
		{"blocked updates", "nobody listens", nobody, "no list", "a/server.list: failed: connection refused"},

		{"hostile redirect", "in a circle", redirectCircle, liveGood, "a/server.list: refused: more than 3 redirects"},
		{"hostile redirect", "to another scheme", faulty(serverlisttest.RedirectScheme), liveGood, "a/server.list: refused: ... http"},
		{"hostile redirect", "from outside to the player's own machine", redirectInside, liveGood, "mirror.example/server.list: failed: redirects from a public to the private address"},
		{"hostile redirect", "a mirror list names the player's own machine", mirrorInside, "static, fresh: good", "a/server.list: failed: ... is a private address"},

		{"tracking", "cookies, ETags, redirects, over two starts", tracking, liveGood, "a/server.list: used"},
		{"flood by players", "50 entries of one victim", flood, "50 servers, 8 connections, 0 bytes", "8 servers of this host were asked already"},
	}
}

func slowMirror(s *stage) {
	s.cfg.Tuning.HedgeEmpty, s.cfg.Tuning.HedgeHeld = 100*time.Millisecond, 100*time.Millisecond
	s.site["a"].SetFault(serverlisttest.Slow)
	s.look()
}

// endlessAfterMany: the list is a good one, and news.
func endlessAfterMany(s *stage) {
	s.Clock.Advance(time.Minute)
	doc := s.thief(serverlist.Draft{Body: manyServers(s.t, 400)})
	s.site["a"].Handle(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		for err := error(nil); err == nil; {
			_, err = rw.Write(doc)
		}
	}))
	s.look()
}

func aboveLimit(s *stage) {
	s.cfg.Limits.Body = 500
	s.expect(liveGood)
	s.Clock.Advance(time.Minute)
	s.Publish(serverlist.Draft{Body: manyServers(s.t, 10)})
	s.look()
}

// oneFrozen: the dice say who is asked first, so it starts anew a few times.
func oneFrozen(s *stage) {
	s.mirrors("a", "b")
	s.site["a"].SetFault(serverlisttest.Frozen)
	s.publish("newest")
	s.cfg.Cache = nil
	for range 5 {
		s.expect("live, fresh: newest")
	}
}

// allFrozen: the mirrors agree with each other as long as their list is fresh.
func allFrozen(s *stage) {
	s.mirrors("a", "b")
	s.expect(liveGood)
	s.site["a"].SetFault(serverlisttest.Frozen)
	s.site["b"].SetFault(serverlisttest.Frozen)
	s.publish("late")
	s.Clock.Advance(25 * time.Hour)
	s.publish("newest")
	s.look()
}

func frozenFor(d time.Duration) func(*stage) {
	return func(s *stage) {
		s.expect(liveGood)
		for _, site := range s.site {
			site.SetFault(serverlisttest.Frozen)
		}
		s.publish("newest")
		s.Clock.Advance(d)
		s.look()
	}
}

// notModified needs one program that goes on: ETags do not survive it.
func notModified(s *stage) {
	c, err := serverlist.New(s.cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.lookAs(c)
	for _, site := range s.site {
		site.SetFault(serverlisttest.NotModified)
	}
	s.publish("newest")
	s.Clock.Advance(25 * time.Hour)
	s.lookAs(c)
}

func withheldTrust(s *stage) {
	s.expect(liveGood)
	s.site["a"].Put("trust/2.trust", nil)
	s.Clock.Advance(time.Minute)
	s.Amend(serverlisttest.Change{Lists: []string{"list/2"}})
	s.publish("rotated")
	s.look()
	if n := s.last.Trust.Newest().Version; n != 2 {
		s.t.Errorf("trust document %d", n)
	}
}

// manySilent: the launcher knows the mirrors from what it shipped with. The
// dice say which is asked first, so it starts anew a few times.
func manySilent(s *stage) {
	silent := []string{"a", "b", "c", "d", "e", "f"}
	s.mirrors(append(silent, "good")...)
	s.cfg.Static = s.folderWithout("server.list")
	s.cfg.Cache = nil
	s.cfg.Tuning = serverlist.Tuning{HedgeEmpty: 100 * time.Millisecond, HedgeHeld: 100 * time.Millisecond, Silent: 300 * time.Millisecond, Head: time.Hour}
	for _, name := range silent {
		s.site[name].SetFault(serverlisttest.Silent)
	}
	s.server["root"].Close()
	for range 4 {
		s.expect(liveGood)
	}
}

// otherMirrors: what the launcher shipped with remains, whatever a newer list
// says.
func otherMirrors(s *stage) {
	s.cfg.Static = s.Folder()
	s.Clock.Advance(time.Minute)
	s.Publish(serverlisttest.Mirrors("http://127.0.0.1:1/"))
	s.expect(liveGood)
	s.server["root"].Close()
	s.told = nil
	s.look()
}

// uselessMirror: the dice say who is asked first, but only once. From then on
// the mirror that was no help comes after the one that was.
func uselessMirror(s *stage) {
	s.mirrors("a", "b")
	s.site["a"].SetFault(serverlisttest.NotFound)
	c, err := serverlist.New(s.cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.lookAs(c)
	for range 5 {
		s.told = nil
		s.lookAs(c)
		if a, b := s.toldAt("a/server.list"), s.toldAt("b/server.list"); b > a {
			s.t.Errorf("asked again before the other:\n%s", strings.Join(s.told, "\n"))
		}
	}
}

// toldAt returns where it was told first of a URL.
func (s *stage) toldAt(url string) int {
	return slices.IndexFunc(s.told, func(line string) bool { return strings.Contains(line, url) })
}

func nobody(s *stage) {
	s.cfg.Static = s.folderWithout("server.list")
	s.goDown()
	s.look()
}

func redirectCircle(s *stage) {
	s.site["a"].SetFault(serverlisttest.RedirectLoop)
	s.look()
	asked := slices.DeleteFunc(s.site["a"].Asked(), func(name string) bool { return name != "server.list" })
	if len(asked) != 4 {
		s.t.Errorf("went around %d times", len(asked))
	}
}

// redirectInside: only a public mirror can redirect from outside, so a proxy
// gives the hosts public names.
func redirectInside(s *stage) {
	victim, mirror := s.open("victim"), s.Site(serverlisttest.Honest)
	mirror.Handle(http.RedirectHandler(s.server["victim"].URL+"/server.list", http.StatusFound))
	proxy := httptest.NewServer(serverlisttest.Net{"root.example": s.site["root"], "mirror.example": mirror})
	s.t.Cleanup(proxy.Close)
	proxyURL, err := url.Parse(proxy.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	s.cfg.HTTP = &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxyURL)}}
	s.cfg.Root = []string{"http://root.example/"}
	s.Publish(serverlisttest.Mirrors("http://mirror.example/"))
	s.look()
	if asked := victim.Asked(); len(asked) > 0 {
		s.t.Errorf("the player's machine was asked for %q", asked)
	}
}

// mirrorInside: the launcher pins no root that is private.
func mirrorInside(s *stage) {
	s.cfg.Root = nil
	s.cfg.Static = s.Folder()
	s.look()
	if asked := s.site["a"].Asked(); len(asked) > 0 {
		s.t.Errorf("the player's machine was asked for %q", asked)
	}
}

// tracking: the mirror does what web sites do to know a visitor again.
func tracking(s *stage) {
	var mu sync.Mutex
	var seen []http.Header
	honest := s.Site(serverlisttest.Honest)
	s.site["a"].Handle(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header)
		http.SetCookie(rw, &http.Cookie{Name: "player", Value: "17"})
		if name, first := strings.CutPrefix(r.URL.Path, "/from/17/"); first {
			r.URL.Path = "/" + name
			honest.ServeHTTP(rw, r)
			return
		}
		http.Redirect(rw, r, "/from/17"+r.URL.Path, http.StatusFound)
	}))
	s.expect(liveGood)
	s.look()
	usual := map[string]bool{"User-Agent": true, "Accept": true, "Accept-Encoding": true, "Range": true, "Connection": true}
	for _, header := range seen {
		for name, values := range header {
			if !usual[name] || name == "User-Agent" && values[0] != "serverlist/1" {
				s.t.Errorf("the mirror was told %s: %q", name, values)
			}
		}
	}
	if len(seen) < 4 {
		s.t.Errorf("the mirror was asked %d times", len(seen))
	}
}

// flood: a list names one victim under many entries; the launcher probes all,
// and sends nothing.
func flood(s *stage) {
	victim, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	var connections, received int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := victim.Accept()
			if err != nil {
				return
			}
			connections++
			conn.Write([]byte{0, 0}) // a greeting, for the launcher to hang up
			n, _ := io.Copy(io.Discard, conn)
			received += n
			conn.Close()
		}
	}()
	var entries []serverlist.Server
	for i := range 50 {
		entries = append(entries, serverlist.Server{ID: fmt.Sprintf("s%d", i), Name: "X", Game: "crossfire", Addresses: []string{victim.Addr().String()}})
	}
	body, err := serverlist.EncodeServers(entries)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Clock.Advance(time.Minute)
	s.Publish(serverlist.Draft{Body: body})
	s.look()
	prober := &probe.Prober{AllowPrivate: true, Rate: 1000, Timeout: time.Minute}
	for _, live := range prober.All(s.t.Context(), s.last.List.Servers) {
		s.told = append(s.told, live.Error)
	}
	victim.Close()
	<-done
	s.shown = fmt.Sprintf("%d servers, %d connections, %d bytes", len(s.last.List.Servers), connections, received)
}
