package serverlist

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

// A play is a world with a root, mirrors and one player, without sockets.
type play struct {
	*world
	t    *testing.T
	net  fakeNet
	root *site
	cfg  Config
}

const rootURL = "http://root.example/"

// newPlay has a root that publishes a list of one server and these mirrors,
// which all have the same. The player has nothing yet.
func newPlay(t *testing.T, mirrors ...string) *play {
	w := newWorld(t)
	p := &play{world: w, t: t, net: fakeNet{}}
	p.cfg = Config{
		Trust: w.docs[0], Root: []string{rootURL}, HTTP: &http.Client{Transport: p.net},
		Now: func() time.Time { return w.now.Add(time.Hour) },
	}
	doc := w.servers("cat2")
	p.root = w.newSite(doc, p.mirrorList(mirrors...))
	p.net["root.example"] = p.root
	for _, m := range mirrors {
		p.net[m+".example"] = w.newSite(doc, p.mirrorList(mirrors...))
	}
	return p
}

func (p *play) mirrorList(names ...string) []byte {
	var entries []string
	for _, m := range names {
		entries = append(entries, fmt.Sprintf("%s http://%s.example/", m, m))
	}
	return p.mirrors(entries...)
}

// site returns the site of a mirror that newPlay made.
func (p *play) site(name string) *site { return p.net[name+".example"].(*site) }

func (p *play) client() *Client {
	p.t.Helper()
	c, err := New(p.cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// refresh starts a new player's program and refreshes once.
func (p *play) refresh() Result {
	p.t.Helper()
	r, err := p.client().Refresh(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// static makes a folder as shipped with a program.
func static(servers, mirrors []byte, trust ...[]byte) fs.FS {
	m := fstest.MapFS{}
	put := func(name string, data []byte) {
		if data != nil {
			m[name] = &fstest.MapFile{Data: data}
		}
	}
	put("server.list", servers)
	put("mirror.list", mirrors)
	for i, d := range trust {
		put(trustName(int64(i+1)), d)
	}
	return m
}

func expectList(t *testing.T, r Result, source Source, names ...string) {
	t.Helper()
	var got []string
	for _, s := range r.List.Servers {
		got = append(got, s.ID)
	}
	if r.Source != source || !slices.Equal(got, names) {
		t.Errorf("shows %q (%s, from %s), want %q (%s)%s", got, r.Source, r.From, names, source, lines(r.Attempts))
	}
}

// expectAttempt wants an attempt whose line contains the parts in this order.
func expectAttempt(t *testing.T, attempts []Attempt, parts ...string) {
	t.Helper()
	for _, a := range attempts {
		rest, ok := a.String(), true
		for _, part := range parts {
			_, after, found := strings.Cut(rest, part)
			rest, ok = after, ok && found
		}
		if ok {
			return
		}
	}
	t.Errorf("no attempt says %q:%s", parts, lines(attempts))
}

func lines(attempts []Attempt) string {
	var b strings.Builder
	for _, a := range attempts {
		fmt.Fprintf(&b, "\n  %s", a)
	}
	return b.String()
}

// brokenCache fails where it is told to.
type brokenCache struct {
	Cache
	load, store error
}

func (b brokenCache) Load(name string) ([]CacheEntry, error) {
	if b.load != nil {
		return nil, b.load
	}
	return b.Cache.Load(name)
}

func (b brokenCache) Store(name string, data []byte, seen time.Time) error {
	if b.store != nil {
		return b.store
	}
	return b.Cache.Store(name, data, seen)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tt := range map[string]struct {
		cfg  Config
		want string
	}{
		"no trust":         {Config{}, "Config.Trust is empty"},
		"bad trust":        {Config{Trust: []byte("<html>")}, "pinned trust document does not hold"},
		"changed trust":    {Config{Trust: bytes.Replace(w.docs[0], []byte("epoch 1"), []byte("epoch 2"), 1)}, "signature"},
		"root of nonsense": {Config{Trust: w.docs[0], Root: []string{"ms.example.org"}}, "http://"},
		"root is a file":   {Config{Trust: w.docs[0], Root: []string{"http://ms.example.org/server.list"}}, "folder"},
		"root with secret": {Config{Trust: w.docs[0], Root: []string{"http://u:p@ms.example.org/"}}, "password"},
		"negative pause":   {Config{Trust: w.docs[0], Tuning: Tuning{Stall: -1}}, "Config.Tuning"},
		"negative limit":   {Config{Trust: w.docs[0], Limits: Limits{Entry: -1}}, "Config.Limits"},
	} {
		if _, err := New(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFallback switches everything off, piece by piece.
func TestFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a", "b")
		dir := t.TempDir()
		p.cfg.Cache = DirCache(dir)
		p.cfg.Static = static(p.servers("shipped"), nil)
		p.now = p.now.Add(time.Hour)
		for _, s := range []*site{p.root, p.site("a"), p.site("b")} {
			s.put("/server.list", p.servers("live"))
		}

		r, err := p.client().Cached()
		if err != nil {
			t.Fatal(err)
		}
		expectList(t, r, SourceStatic, "shipped")
		if r.From != "static/server.list" || r.Age != 2*time.Hour || r.Freshness != Fresh {
			t.Errorf("from %s, age %v, %s", r.From, r.Age, r.Freshness)
		}

		r = p.refresh()
		expectList(t, r, SourceLive, "live")
		if r.From != "http://a.example/server.list" && r.From != "http://b.example/server.list" {
			t.Errorf("from %s: a mirror carries the load, not the root", r.From)
		}
		if slices.Contains(p.root.asked(), "/server.list") {
			t.Error("the root was asked for the server list though there are mirrors")
		}
		expectAttempt(t, r.Attempts, "http://root.example/mirror.list: used: version", "2 mirrors")
		expectAttempt(t, r.Attempts, "http://root.example/trust/2.trust: absent: trust document 1 is the newest")

		delete(p.net, "root.example")
		r = p.refresh()
		expectList(t, r, SourceLive, "live")
		expectAttempt(t, r.Attempts, "http://root.example/mirror.list: failed: connection refused")

		delete(p.net, "a.example")
		delete(p.net, "b.example")
		r = p.refresh()
		expectList(t, r, SourceCached, "live")
		if r.From != filepath.Join(dir, "server.list") || len(r.Mirrors.Mirrors) != 2 {
			t.Errorf("from %s, with mirrors %v", r.From, r.Mirrors)
		}
		for _, host := range []string{"a", "b", "root"} {
			expectAttempt(t, r.Attempts, "http://"+host+".example/server.list: failed: connection refused")
		}
		expectAttempt(t, r.Attempts, "static/server.list: older")

		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		r = p.refresh()
		expectList(t, r, SourceStatic, "shipped")
		expectAttempt(t, r.Attempts, "server.list: absent: nothing is stored yet")

		p.cfg.Static = nil
		r, err = p.client().Refresh(t.Context())
		var none *NoListError
		if !errors.As(err, &none) || r.List != nil {
			t.Fatalf("nothing at all: %v", err)
		}
		for _, part := range []string{"no server list", "http://root.example/server.list: failed: connection refused"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error does not say %q: %v", part, err)
			}
		}
		if _, err := p.client().Cached(); !errors.As(err, &none) {
			t.Errorf("Cached without anything: %v", err)
		}
	})
}

// Each kind of bad mirror stands beside a good root: the list of the root is
// shown, and the attempt tells why not that of the mirror.
func TestBadMirrors(t *testing.T) {
	w := newWorld(t)
	good := w.servers("cat2")
	w.now = w.now.Add(-time.Hour)
	old := w.servers("gone")
	w.now = w.now.Add(time.Hour)
	other := newWorld(t)
	other.addTrust("list-1")
	other.origin = "evil.example"
	other.docs, other.trust = nil, nil
	other.addTrust("list-1")
	changed := bytes.Clone(good)
	changed[len(changed)-10] ^= 1
	torn := slices.Concat(good[:bytes.Index(good, []byte("\n\n{"))+2], old[bytes.Index(old, []byte("\n\n{"))+2:])

	for name, tt := range map[string]struct {
		host http.Handler
		want string // the attempt
	}{
		"one byte changed":   {raw(changed), "refused: body"},
		"torn":               {raw(torn), "refused: body"},
		"cut":                {raw(good[:len(good)-3]), "refused: body: the body has"},
		"endless":            {raw(slices.Concat(good, make([]byte, 1<<20))), "trailing-bytes"},
		"endless head":       {raw(bytes.Repeat([]byte("x\n"), 1<<20)), "larger than"},
		"slow":               {dripping(good, 10, time.Second, 0), "lost"},
		"stalled":            {dripping(good, 100, 0, 100), "lost"},
		"silent":             {http.HandlerFunc(silent), "lost"},
		"of another origin":  {raw(other.servers("evil")), "refused: signature"},
		"of another type":    {raw(w.mirrors("a http://a.example/")), "wrong-type"},
		"a login page":       {status(200), "captive portal or login page?"},
		"not there":          {http.NotFoundHandler(), "absent: HTTP 404"},
		"out of order":       {status(500), "failed: HTTP 500"},
		"a circle":           {http.RedirectHandler("http://a.example/server.list", http.StatusFound), "more than 3 redirects"},
		"into the network":   {http.RedirectHandler("http://192.168.0.1/", http.StatusFound), "private address"},
		"refused connection": {nil, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(t, "a")
				p.net["a.example"] = tt.host
				if tt.host == nil {
					delete(p.net, "a.example")
				}
				r := p.refresh()
				expectList(t, r, SourceLive, "cat2")
				if r.From != rootURL+"server.list" {
					t.Errorf("from %s", r.From)
				}
				expectAttempt(t, r.Attempts, "http://a.example/server.list: ", tt.want)
			})
		})
	}
}
