package serverlist_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	pinned := serverlisttest.NewRoot(serverlisttest.Options{}).Pinned()
	for name, tt := range map[string]struct {
		cfg  serverlist.Config
		want string
	}{
		"no trust":         {serverlist.Config{}, "Config.Trust is empty"},
		"no trust shipped": {serverlist.Config{Static: fstest.MapFS{}}, "Config.Trust is empty, and Config.Static has no pinned.trust"},
		"trust is a list":  {serverlist.Config{Static: fstest.MapFS{"pinned.trust": file(newRoot().Sign(serverlist.Draft{}))}}, "pinned.trust of Config.Static: the pinned trust document does not hold"},
		"bad trust":        {serverlist.Config{Trust: []byte("<html>")}, "Config.Trust: the pinned trust document does not hold"},
		"changed trust":    {serverlist.Config{Trust: bytes.Replace(pinned, []byte("epoch 1"), []byte("epoch 2"), 1)}, "signature"},
		"root of nonsense": {serverlist.Config{Trust: pinned, Root: []string{"ms.example.org"}}, "http://"},
		"root is a file":   {serverlist.Config{Trust: pinned, Root: []string{"http://ms.example.org/server.list"}}, "folder"},
		"root with secret": {serverlist.Config{Trust: pinned, Root: []string{"http://u:p@ms.example.org/"}}, "password"},
		"negative pause":   {serverlist.Config{Trust: pinned, Tuning: serverlist.Tuning{Stall: -1}}, "Config.Tuning"},
		"negative limit":   {serverlist.Config{Trust: pinned, Limits: serverlist.Limits{Entry: -1}}, "Config.Limits"},
		"negative lines":   {serverlist.Config{Trust: pinned, Limits: serverlist.Limits{Lines: -1}}, "Config.Limits"},
		"negative list":    {serverlist.Config{Trust: pinned, Limits: serverlist.Limits{Elements: -1}}, "Config.Limits"},
	} {
		if _, err := serverlist.New(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFallback switches everything off, piece by piece.
func TestFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a", "b")
		dir := t.TempDir()
		p.cfg.Cache = serverlist.DirCache(dir)
		p.cfg.Static = p.shipped(p.servers("shipped"), nil)
		p.Clock.Advance(time.Hour)
		p.publish("live")

		r, err := p.client().Cached()
		if err != nil {
			t.Fatal(err)
		}
		expectList(t, r, serverlist.SourceStatic, "shipped")
		if r.From != "static/server.list" || r.Age != 2*time.Hour || r.Freshness != serverlist.Fresh {
			t.Errorf("from %s, age %v, %s", r.From, r.Age, r.Freshness)
		}
		p.cfg.StaticName = filepath.FromSlash("/opt/game/lists")
		if r, err := p.client().Cached(); err != nil || r.From != filepath.FromSlash("/opt/game/lists/server.list") {
			t.Errorf("with a name for the static folder: from %s, %v", r.From, err)
		}
		p.cfg.StaticName = ""

		r = p.refresh()
		expectList(t, r, serverlist.SourceLive, "live")
		if r.From != "http://a.example/server.list" && r.From != "http://b.example/server.list" {
			t.Errorf("from %s: a mirror carries the load, not the root", r.From)
		}
		if slices.Contains(p.site["root"].Asked(), "server.list") {
			t.Error("the root was asked for the server list though there are mirrors")
		}
		expectAttempt(t, r.Attempts, "http://root.example/mirror.list: used: version", "2 mirrors")
		expectAttempt(t, r.Attempts, "http://root.example/trust/2.trust: absent: trust document 1 is the newest")

		delete(p.net, "root.example")
		r = p.refresh()
		expectList(t, r, serverlist.SourceLive, "live")
		expectAttempt(t, r.Attempts, "http://root.example/mirror.list: failed: connection refused")

		delete(p.net, "a.example")
		delete(p.net, "b.example")
		r = p.refresh()
		expectList(t, r, serverlist.SourceCached, "live")
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
		expectList(t, r, serverlist.SourceStatic, "shipped")
		expectAttempt(t, r.Attempts, "server.list: absent: nothing is stored yet")

		p.cfg.Static = nil
		r, err = p.client().Refresh(t.Context())
		var none *serverlist.NoListError
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
	says := map[serverlisttest.Fault]string{
		serverlisttest.Frozen:          "used", // and then the root's head is compared
		serverlisttest.Old:             "used",
		serverlisttest.NotModified:     "used", // nothing is held: there is no condition yet
		serverlisttest.CRLF:            "used",
		serverlisttest.LoneCR:          "carriage-return",
		serverlisttest.Mixed:           "half of one edition",
		serverlisttest.Truncated:       "a cut transfer",
		serverlisttest.CutInHead:       "cut off",
		serverlisttest.Appended:        "web hosts append a script",
		serverlisttest.HeadByte:        "bad-signature",
		serverlisttest.SignatureByte:   "bad-signature",
		serverlisttest.BodyByte:        "wrong-hash",
		serverlisttest.Unsigned:        "no-signature",
		serverlisttest.OneKeyTwice:     "threshold",
		serverlisttest.Stranger:        "threshold",
		serverlisttest.WrongOrigin:     "threshold",
		serverlisttest.WrongType:       "wrong-type",
		serverlisttest.Empty:           "the document is empty",
		serverlisttest.HTML:            "captive portal or login page?",
		serverlisttest.Portal:          "captive portal or login page?",
		serverlisttest.NotFound:        "absent: HTTP 404",
		serverlisttest.Unavailable:     "failed: HTTP 503",
		serverlisttest.RedirectLoop:    "more than 3 redirects",
		serverlisttest.RedirectPrivate: "private address",
		serverlisttest.RedirectScheme:  "must begin with http",
		serverlisttest.Silent:          "lost",
		serverlisttest.Slow:            "lost",
		serverlisttest.Crawling:        "slower than the minimum",
		serverlisttest.Stalled:         "the transfer",
		serverlisttest.Torn:            "the connection broke off",
		serverlisttest.Endless:         "trailing-bytes",
		serverlisttest.EndlessHead:     "larger than",
		serverlisttest.Bomb:            "trailing-bytes",
		serverlisttest.HollowBomb:      "more bytes arrive than the document can need",
	}
	for _, fault := range serverlisttest.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(t, "a")
				p.Amend(serverlisttest.Change{Lists: []string{"list/1", "list/2"}, ListsNeeded: 2})
				p.publish("before")
				p.site["a"].SetFault(fault)
				p.Clock.Advance(time.Minute)
				p.publish("newest")
				p.Publish(serverlisttest.Mirrors(urls("a")...))
				p.cfg.Tuning.BodyEmpty = time.Minute // so that slow mirrors fail before the root is asked
				r := p.refresh()
				expectList(t, r, serverlist.SourceLive, "newest")
				if says[fault] == "" {
					t.Error("the table does not say what is to be told")
				}
				expectAttempt(t, r.Attempts, "http://a.example/server.list: ", says[fault])
			})
		})
	}
}
