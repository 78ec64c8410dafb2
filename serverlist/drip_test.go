package serverlist_test

import (
	"net/http"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// One mirror drips the body just above the minimum rate. A player who has seen
// nothing yet looks at an empty screen for seconds, not for a minute; one who
// has a list waits a little longer, and not twice.
func TestDrippingMirror(t *testing.T) {
	for name, tt := range map[string]struct {
		held bool
		most time.Duration
	}{
		"nothing held":   {false, 8 * time.Second},
		"something held": {true, 35 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var worst time.Duration
			for range 10 { // whichever mirror is asked first
				synctest.Test(t, func(t *testing.T) {
					p := newPlay(t, "hostile", "b", "c")
					p.cfg.Static = p.shipped(nil, p.mirrorList("hostile", "b", "c"))
					if tt.held {
						p.cfg.Static = p.shipped(p.servers("shipped"), p.mirrorList("hostile", "b", "c"))
						p.Clock.Advance(time.Minute)
					}
					doc := p.Publish(serverlist.Draft{Body: manyServers(t, 2000)})
					p.net["hostile.example"] = onlyServerList(dripping(doc, 5000, time.Second, 0))
					begin := time.Now()
					r := p.refresh()
					worst = max(worst, time.Since(begin))
					if r.Source != serverlist.SourceLive || len(r.List.Servers) != 2000 {
						t.Errorf("%s, %d servers%s", r.Source, len(r.List.Servers), lines(r.Attempts))
					}
				})
			}
			if worst > tt.most {
				t.Errorf("took %v", worst)
			}
		})
	}
}

// A hostile mirror is the first to have the newest list, the other one is
// behind, and the root is down. Who sees an empty screen is soon shown the list
// of the other one; who has something to look at gets the newest, drop by drop.
func TestDrippingNews(t *testing.T) {
	for name, tt := range map[string]struct {
		held    bool
		servers int
		most    time.Duration
	}{
		"nothing held":   {false, 1, 70 * time.Second},
		"something held": {true, 2000, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			for range 4 { // whichever mirror is asked first
				synctest.Test(t, func(t *testing.T) {
					p := newPlay(t, "hostile", "behind")
					p.cfg.Static = p.shipped(nil, p.mirrorList("hostile", "behind"))
					if tt.held {
						p.cfg.Static = p.shipped(p.servers("shipped"), p.mirrorList("hostile", "behind"))
						p.Clock.Advance(time.Minute)
						p.publish("cat2")
					}
					doc := p.Sign(serverlist.Draft{Body: manyServers(t, 2000), Issued: p.Clock.Now().Add(time.Minute)})
					p.net["hostile.example"] = onlyServerList(dripping(doc, 5000, time.Second, 0))
					delete(p.net, "root.example")
					begin := time.Now()
					r := p.refresh()
					if took := time.Since(begin); took > tt.most {
						t.Errorf("took %v", took)
					}
					if n := len(r.List.Servers); n != tt.servers && r.From != "http://hostile.example/server.list" {
						t.Errorf("%d servers from %s%s", n, r.From, lines(r.Attempts))
					}
				})
			}
		})
	}
}

// onlyServerList answers for the server list, and has no other documents.
func onlyServerList(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/server.list" {
			http.NotFound(rw, r)
			return
		}
		h.ServeHTTP(rw, r)
	})
}

// The only mirror that answers has a list that no key has signed, and then a
// long chain of trust documents, each just in time. A refresh is over in
// minutes all the same, not in hours, so that the next can ask others; and what
// has come of the chain is kept.
func TestDrippingTrust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "hostile")
		p.cfg.Static = fstest.MapFS{"server.list": file(p.servers("shipped")), "mirror.list": file(p.mirrorList("hostile"))}
		for range 100 {
			p.Amend(serverlisttest.Change{})
		}
		forged := serverlisttest.NewRoot(serverlisttest.Options{Seed: "stranger"}).Publish(serverlisttest.Servers("impostor"))
		p.site["hostile"].Put("server.list", forged)
		p.net["hostile.example"] = slowly(20*time.Second, p.site["hostile"])
		delete(p.net, "root.example")
		c := p.client()
		for last := int64(1); last < 4; {
			begin := time.Now()
			r := refresh(t, c)
			expectList(t, r, serverlist.SourceStatic, "shipped")
			if took := time.Since(begin); took > 2*time.Minute {
				t.Fatalf("took %v", took)
			}
			if newest := r.Trust.Newest().Version; newest > last {
				last = newest
			} else {
				t.Fatalf("trust document %d is still the newest", last)
			}
		}
	})
}
