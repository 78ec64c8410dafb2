package serverlist_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// expectNoAlarm fails if an attempt says that a key is misused.
func expectNoAlarm(t *testing.T, attempts []serverlist.Attempt) {
	t.Helper()
	for _, a := range attempts {
		if strings.Contains(a.Detail, "misused") {
			t.Errorf("a false alarm: %s", a)
		}
	}
}

// The shipped copy of what is cached may have other line ends, or a line more
// that no key of the origin has made: it is the same document.
func TestSameListInOtherBytes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(p *play, doc []byte) []byte{
		"CRLF": func(_ *play, doc []byte) []byte { return bytes.ReplaceAll(doc, []byte("\n"), []byte("\r\n")) },
		"a stranger's signature": func(p *play, doc []byte) []byte {
			at := bytes.Index(doc, []byte("\n\n")) + 2
			end := at + bytes.Index(doc[at:], []byte("\n\n")) + 1
			signed, err := keys.AddSignatures(doc[:end], p.SignerAs("mallory", "stranger"))
			if err != nil {
				t.Fatal(err)
			}
			return append(signed, doc[end:]...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			clear(p.net)
			p.cfg.Cache = serverlist.DirCache(t.TempDir())
			doc := p.servers("cat2")
			p.store("server.list", doc, p.Clock.Now())
			changed := change(p, doc)
			p.cfg.Static = p.shipped(changed, nil)
			r, err := p.client().Cached()
			if err != nil {
				t.Fatal(err)
			}
			expectList(t, r, serverlist.SourceCached, "cat2")
			expectNoAlarm(t, r.Attempts)
			p.cfg.Cache = nil
			r, err = p.client().Cached() // what was changed is good by itself
			if err != nil {
				t.Fatal(err)
			}
			expectList(t, r, serverlist.SourceStatic, "cat2")
		})
	}
}

// A mirror adds a stranger's signature to a trust document while another one
// serves it as it was signed: both are right.
func TestStrangerSignsTrust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t, "a", "b")
		p.cfg.Static = p.shipped(nil, p.mirrorList("a", "b"))
		delete(p.net, "root.example")
		p.rotate(false)
		more, err := keys.AddSignatures(p.Chain().Newest().Bytes(), p.SignerAs("mallory", "stranger"))
		if err != nil {
			t.Fatal(err)
		}
		p.site["b"].Put("trust/2.trust", more)
		for _, name := range []string{"a", "b"} { // both are on their way before one has answered
			p.net[name+".example"] = slowly(time.Second, p.site[name])
		}
		r := p.refresh()
		expectList(t, r, serverlist.SourceLive, "rotated")
		expectNoAlarm(t, r.Attempts)
		for _, name := range []string{"a", "b"} {
			expectAttempt(t, r.Attempts, "http://"+name+".example/trust/2.trust: used")
		}
	})
}
