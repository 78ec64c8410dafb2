package serverlist_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A play is a root, mirrors and one player, on an internet without sockets.
type play struct {
	*serverlisttest.Root
	t    *testing.T
	net  serverlisttest.Net
	site map[string]*serverlisttest.Site // by name: "root" and the mirrors'
	cfg  serverlist.Config
}

const rootURL = "http://root.example/"

// newPlay has a root that publishes a list of one server and these mirrors,
// which follow it. The player has nothing yet. The player's clock is an hour
// ahead of the root's.
func newPlay(t *testing.T, mirrors ...string) *play {
	p := &play{Root: serverlisttest.NewRoot(serverlisttest.Options{}), t: t, net: serverlisttest.Net{}, site: make(map[string]*serverlisttest.Site)}
	p.cfg = serverlist.Config{
		Trust: p.Pinned(), Root: []string{rootURL}, HTTP: &http.Client{Transport: p.net},
		Now: func() time.Time { return p.Clock.Now().Add(time.Hour) },
	}
	p.publish("cat2")
	p.Publish(serverlisttest.Mirrors(urls(mirrors...)...))
	for _, name := range append([]string{"root"}, mirrors...) {
		p.site[name] = p.Site(serverlisttest.Honest)
		p.net[name+".example"] = p.site[name]
	}
	return p
}

// urls are those of mirrors in a play.
func urls(names ...string) []string {
	var all []string
	for _, n := range names {
		all = append(all, fmt.Sprintf("http://%s.example/", n))
	}
	return all
}

// publish publishes a server list.
func (p *play) publish(ids ...string) []byte { return p.Publish(serverlisttest.Servers(ids...)) }

// servers signs a server list, issued now, and publishes nothing.
func (p *play) servers(ids ...string) []byte { return p.Sign(serverlisttest.Servers(ids...)) }

// mirrorList signs a list of mirrors, issued now, and publishes nothing.
func (p *play) mirrorList(names ...string) []byte {
	return p.Sign(serverlisttest.Mirrors(urls(names...)...))
}

func (p *play) client() *serverlist.Client {
	p.t.Helper()
	c, err := serverlist.New(p.cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// refresh starts a new player's program and refreshes once.
func (p *play) refresh() serverlist.Result {
	p.t.Helper()
	return refresh(p.t, p.client())
}

func refresh(t *testing.T, c *serverlist.Client) serverlist.Result {
	t.Helper()
	r, err := c.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// shipped is a folder as shipped with a program: what is published, with these
// lists instead; nil: without.
func (p *play) shipped(servers, mirrors []byte) fs.FS {
	folder := p.Folder()
	for name, data := range map[string][]byte{"server.list": servers, "mirror.list": mirrors} {
		delete(folder, name)
		if data != nil {
			folder[name] = file(data)
		}
	}
	return folder
}

// store puts a document into the player's cache.
func (p *play) store(name string, data []byte, seen time.Time) {
	p.t.Helper()
	if err := p.cfg.Cache.Store(name, data, seen); err != nil {
		p.t.Fatal(err)
	}
}

// ids are the ids of a list's servers.
func ids(l *serverlist.List) []string {
	var all []string
	for _, s := range l.Servers {
		all = append(all, s.ID)
	}
	return all
}

func expectList(t *testing.T, r serverlist.Result, source serverlist.Source, names ...string) {
	t.Helper()
	if got := ids(r.List); r.Source != source || !slices.Equal(got, names) {
		t.Errorf("shows %q (%s, from %s), want %q (%s)%s", got, r.Source, r.From, names, source, lines(r.Attempts))
	}
}

// expectAttempt wants an attempt whose line contains the parts in this order.
func expectAttempt(t *testing.T, attempts []serverlist.Attempt, parts ...string) {
	t.Helper()
	if attemptWith(attempts, parts...) == "" {
		t.Errorf("no attempt says %q:%s", parts, lines(attempts))
	}
}

// attemptWith returns the line of the first attempt that contains the parts in
// this order; "" if there is none.
func attemptWith(attempts []serverlist.Attempt, parts ...string) string {
	for _, a := range attempts {
		rest, found := a.String(), true
		for _, part := range parts {
			if found {
				_, rest, found = strings.Cut(rest, part)
			}
		}
		if found {
			return a.String()
		}
	}
	return ""
}

func lines(attempts []serverlist.Attempt) string {
	var b strings.Builder
	for _, a := range attempts {
		fmt.Fprintf(&b, "\n  %s", a)
	}
	return b.String()
}

// file is a file of a folder as shipped.
func file(data []byte) *fstest.MapFile { return &fstest.MapFile{Data: data} }

// Hosts with faults of a measured kind.

// slowly lets a handler answer after a pause.
func slowly(pause time.Duration, h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(pause):
			h.ServeHTTP(rw, r)
		case <-r.Context().Done():
		}
	})
}

// dripping sends a document in pieces with pauses, and stops after the given
// number of bytes without ending; at 0 it sends all.
func dripping(doc []byte, piece int, pause time.Duration, stop int) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if stop == 0 {
			stop = len(doc)
		}
		for at := 0; at < stop; at += piece {
			rw.Write(doc[at:min(at+piece, stop)])
			rw.(http.Flusher).Flush()
			select {
			case <-time.After(pause):
			case <-r.Context().Done():
				return
			}
		}
		if stop < len(doc) {
			<-r.Context().Done()
		}
	})
}
