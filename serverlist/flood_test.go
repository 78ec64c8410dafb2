package serverlist_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A mirror list, signed but hostile, names one victim, or many, thousands of
// times. One refresh asks few of them, and still gets the list.
func TestMirrorListIsNoFlood(t *testing.T) {
	for name, tt := range map[string]struct {
		url            func(i, j int) string
		root           bool
		atHost, inList int // most URLs that may be asked: of one host, of the list
	}{
		"one victim":               {func(i, j int) string { return fmt.Sprintf("http://victim.example/%d/%d", i, j) }, false, 4, 4},
		"one victim in all ports":  {func(i, j int) string { return fmt.Sprintf("http://victim.example:%d/%d", 1+i%60000, j) }, false, 4, 4},
		"one victim as root":       {func(i, j int) string { return fmt.Sprintf("http://victim.example/%d/%d", i, j) }, true, 8, 8}, // for two documents
		"many victims":             {func(i, j int) string { return fmt.Sprintf("http://victim-%d.example/%d", i, j) }, false, 4, 32},
		"many victims of one host": {func(i, j int) string { return fmt.Sprintf("http://victim-%d.example/%d", i%16, i*8+j) }, false, 4, 32},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mirrors []serverlist.Mirror
				for i := range 2000 {
					m := serverlist.Mirror{ID: fmt.Sprint("m", i), Root: tt.root}
					for j := range 8 {
						m.URLs = append(m.URLs, tt.url(i, j))
					}
					mirrors = append(mirrors, m)
				}
				body, err := serverlist.EncodeMirrors(mirrors)
				if err != nil {
					t.Fatal(err)
				}
				p := newPlay(t)
				p.Publish(serverlist.Draft{Type: serverlist.TypeMirrorList, Body: body})
				var mu sync.Mutex
				asked, atHost := make(map[string]bool), make(map[string]int)
				p.cfg.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					if r.URL.Host == "root.example" {
						return p.net.RoundTrip(r)
					}
					mu.Lock()
					defer mu.Unlock()
					if url := r.URL.String(); !asked[url] {
						asked[url] = true
						atHost[r.URL.Hostname()]++
					}
					return nil, fmt.Errorf("connection refused")
				})}
				c := p.client()
				for range 2 { // the second time the list is held from the beginning
					clear(asked)
					clear(atHost)
					expectList(t, refresh(t, c), serverlist.SourceLive, "cat2")
					if len(asked) > tt.inList {
						t.Errorf("asked %d URLs", len(asked))
					}
					for host, n := range atHost {
						if n > tt.atHost {
							t.Errorf("asked %s %d times", host, n)
						}
					}
				}
			})
		})
	}
}

// Among many operators each gets a turn sooner or later.
func TestDrawIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var names []string
		for i := range 60 {
			names = append(names, fmt.Sprint("m", i))
		}
		p := newPlay(t)
		p.Publish(serverlisttest.Mirrors(urls(names...)...))
		var mu sync.Mutex
		asked := make(map[string]bool)
		p.cfg.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			asked[r.URL.Host] = true
			return p.net.RoundTrip(r)
		})}
		c := p.client()
		for range 2 { // who was no help in the first refresh waits in the second
			expectList(t, refresh(t, c), serverlist.SourceLive, "cat2")
		}
		if len(asked) != 61 {
			t.Errorf("asked %d hosts of 61", len(asked))
		}
	})
}

// A hostile list that names a host under many wrong URLs does not keep away
// the right one, which the program was shipped with.
func TestHostileListLeavesShippedMirror(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "good")
		p.cfg.Static = p.shipped(nil, p.mirrorList("good"))
		m := serverlist.Mirror{ID: "wrong"}
		for i := range 8 {
			m.URLs = append(m.URLs, fmt.Sprintf("http://good.example/wrong-%d/", i))
		}
		body, err := serverlist.EncodeMirrors([]serverlist.Mirror{m})
		if err != nil {
			t.Fatal(err)
		}
		p.Clock.Advance(time.Minute)
		p.cfg.Cache = serverlist.DirCache(t.TempDir())
		p.store("mirror.list", p.Publish(serverlist.Draft{Type: serverlist.TypeMirrorList, Body: body}), p.Clock.Now())
		delete(p.net, "root.example")
		r := p.refresh()
		expectList(t, r, serverlist.SourceLive, "cat2")
		if r.From != "http://good.example/server.list" {
			t.Errorf("from %s", r.From)
		}
	})
}
