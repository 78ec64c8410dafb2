package serverlist_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// failuresOfOthers are mistakes that programs of this kind have made.
func failuresOfOthers() []attack {
	day := 24 * time.Hour
	return []attack{
		{"threshold below 1", "in the pinned trust document", pinnedZero, "does not start", "the threshold of role \"list\" is \"0\""},
		{"threshold below 1", "in the next trust document, signed by the admins", nextZero, liveGood, "root/trust/2.trust: refused: ... bad-threshold"},
		{"one key counted twice", "one signature line twice", twiceOne, liveGood, "a/server.list: refused: ... 1 of the 2 distinct keys"},
		{"one key counted twice", "one key under two names", twoNames, liveGood, "a/server.list: refused: ... 1 of the 2 distinct keys"},

		{"checks skipped on a fallback path", "a forged list in the cache", forgedCache, "static, fresh: good", "cache/server.list: refused: ... threshold"},
		{"checks skipped on a fallback path", "a forged list in the static folder", forgedStatic, "cached, fresh: good", "static/server.list: refused: ... threshold"},
		{"checks skipped on a fallback path", "a true head for a range, a forged list for the rest", forgedRest, liveGood, "a/server.list: refused: ... threshold"},
		{"checks skipped on a fallback path", "a forged trust document in the cache", forgedCachedTrust, liveGood, "cache/trust/2.trust: refused: ... threshold"},

		{"crash before verification", "two dozen kinds of nonsense", nonsense, liveGood, "a/server.list: refused"},
		{"silent truncation at a limit", "the cached list ends after 4096 bytes", cutCache, "static, fresh: good", "cache/server.list: refused: ... truncated"},
		{"silent truncation at a limit", "a transfer ends after the limit of a buffer", cutTransfer, liveGood, "a/server.list: refused: ... truncated"},
		{"freshness from a file's time", "a month old, with files of today", filesOfToday, "static, old: good", "static/server.list: used"},
		{"freshness from a file's time", "a month old, with Last-Modified of today", modifiedToday, "live, old: good", "a/server.list: used"},
		{"cached list refused after expiry", "the newest list was old a day ago", offlineAfter(31 * day), "cached, old: good", "cache/server.list: used"},
		{"cached list refused after expiry", "the trust document's review is a year ago", offlineAfter(3 * 365 * day), "cached, old: good", "cache/server.list: used"},
		{"fallback that nobody exercised", "no network, first start", firstStart, "static, fresh: good", "static/server.list: used"},
		{"fallback that nobody exercised", "the root is gone, the shipped mirror list is used", shippedMirrors, liveGood, "a/server.list: unchanged"},
		{"captive portal as a bad signature", "HTML in place of every document", portal(serverlisttest.HTML), "cached, fresh: good", "a/server.list: refused: ... captive portal or login page?"},
		{"captive portal as a bad signature", "a redirect to a login page", portal(serverlisttest.Portal), "cached, fresh: good", "a/server.list: refused: ... captive portal or login page?"},
		{"captive portal as a bad signature", "HTML in place of the next trust document", htmlTrust, liveGood, "root/trust/2.trust: absent: ... HTML"},
		{"rotation empties the screen", "the list key is rotated, no new list yet", rotatedCache, "cached, fresh: good", "cache/trust/2.trust: used"},
		{"rotation empties the screen", "the list key is rotated, only the shipped list is there", rotatedStatic, "static, fresh: good", "static/server.list: used"},
	}
}

// zeroThreshold is the text of the newest trust document with a list role that
// needs nobody.
func zeroThreshold(s *stage) []byte {
	text, err := s.Chain().Newest().Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	return bytes.Replace(text, []byte("role list 1 "), []byte("role list 0 "), 1)
}

// byAdmins signs a text as a trust document.
func (s *stage) byAdmins(text []byte) []byte {
	s.t.Helper()
	note, err := keys.Sign(text, s.Signer("admin/bob"), s.Signer("admin/carol"))
	if err != nil {
		s.t.Fatal(err)
	}
	return note
}

func pinnedZero(s *stage) {
	s.cfg.Trust = s.byAdmins(zeroThreshold(s))
	s.look()
}

func nextZero(s *stage) {
	next := bytes.Replace(zeroThreshold(s), []byte("version 1\n"), []byte("version 2\n"), 1)
	s.site["root"].Put("trust/2.trust", s.byAdmins(next))
	s.site["a"].Put("trust/2.trust", s.byAdmins(next))
	s.site["a"].Put("server.list", s.stranger().Publish(serverlisttest.Servers("impostor")))
	s.look()
}

func twiceOne(s *stage) {
	s.Amend(serverlisttest.Change{Lists: []string{"list/1", "list/2"}, ListsNeeded: 2})
	s.mirrors("a")
	s.publish("good")
	s.site["a"].SetFault(serverlisttest.OneKeyTwice)
	s.look()
}

func twoNames(s *stage) {
	alias := s.SignerAs("list/alias", "list/1")
	s.Amend(serverlisttest.Change{Lists: []string{"list/1", "list/2"}, ListsNeeded: 2, Edit: func(t *keys.Trust) {
		t.Keys = append(t.Keys, alias.VerifierKey())
		for i := range t.Roles[1:] {
			t.Roles[i+1].Keys = append(t.Roles[i+1].Keys, alias.VerifierKey().Name())
		}
	}})
	s.mirrors("a")
	s.publish("good")
	d := serverlisttest.Servers("impostor")
	d.Issued = s.Clock.Now().Add(time.Minute)
	s.site["a"].Put("server.list", s.Sign(d, s.Signer("list/1"), alias))
	s.look()
}

func forgedCache(s *stage) {
	s.cfg.Static = s.Folder()
	s.write("server.list", s.stranger().Publish(serverlisttest.Servers("impostor")))
	s.goDown()
	s.look()
}

func forgedStatic(s *stage) {
	s.expect(liveGood)
	s.cfg.Static = s.shippedWith("server.list", s.stranger().Publish(serverlisttest.Servers("impostor")))
	s.goDown()
	s.look()
}

// forgedRest: whoever is compared is asked for a range first, and for the
// whole list after that.
func forgedRest(s *stage) {
	s.mirrors("a", "b")
	s.expect(liveGood)
	for _, name := range []string{"root", "b"} {
		s.site[name].SetFault(serverlisttest.Frozen)
	}
	s.publish("newest")
	honest, forged := s.Site(serverlisttest.Honest), s.stranger().Publish(serverlisttest.Servers("impostor"))
	s.site["a"].Handle(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			honest.ServeHTTP(rw, r)
			return
		}
		rw.Write(forged)
	}))
	s.look()
}

func forgedCachedTrust(s *stage) {
	s.expect(liveGood)
	s.write("trust/2.trust", s.stranger().Amend(serverlisttest.Change{}))
	s.look()
}

// nonsense is served one after the other, and none stops the client.
func nonsense(s *stage) {
	good := string(s.Folder()["server.list"].Data)
	head := good[:strings.Index(good, "\n\n")+2]
	for _, doc := range []string{
		"", "\n", "\n\n", "\n\n\n\n", "\x00", "\r", "<", "—", "— ", "\xff\xfe", "\ufeff" + good, " " + good,
		strings.Repeat("\n", 1<<16), strings.Repeat("— x AAAAAA==\n", 1<<12), strings.Repeat("\x00", 1<<16),
		head, head + "\n", head + "—\n\n", head + "— \n\n", head + "— x\n\n", head + "— x \n\n", head + "— x !\n\n",
		head + "— x AAAA\n\n", head + "— ms.example.org/list/1 AAAAAA==\n\n", head + strings.Repeat("— x AAAAAAAA\n", 17) + "\n",
		strings.Replace(good, "— ", "— \x00", 1), strings.Replace(good, "\n\n", "\n", 1), strings.Replace(good, "=", "", 1),
		"trust/1.trust\n\n" + good, head + strings.Repeat("{", 1<<16),
	} {
		s.site["a"].Put("server.list", []byte(doc))
		s.told = nil
		s.expect(liveGood)
		if s.tells("a/server.list: refused: "); s.t.Failed() {
			s.t.Fatalf("%q was not refused", doc)
		}
	}
}

func cutCache(s *stage) {
	s.cfg.Static = s.Folder()
	s.Clock.Advance(time.Minute)
	doc := s.Publish(serverlist.Draft{Body: manyServers(s.t, 40)})
	s.write("server.list", doc[:4096])
	s.goDown()
	s.look()
}

func cutTransfer(s *stage) {
	s.site["a"].Put("server.list", s.thief(serverlist.Draft{Body: manyServers(s.t, 400)})[:1<<16])
	s.look()
}

func filesOfToday(s *stage) {
	dir := s.t.TempDir()
	if err := os.CopyFS(dir, s.Folder()); err != nil {
		s.t.Fatal(err)
	}
	s.Clock.Advance(31 * 24 * time.Hour)
	for _, name := range []string{"server.list", "mirror.list", "trust/1.trust"} {
		if err := os.Chtimes(filepath.Join(dir, name), s.Clock.Now(), s.Clock.Now()); err != nil {
			s.t.Fatal(err)
		}
	}
	s.cfg.Static = os.DirFS(dir)
	s.goDown()
	s.look()
}

func modifiedToday(s *stage) {
	s.Clock.Advance(31 * 24 * time.Hour)
	honest := s.Site(serverlisttest.Honest)
	for _, site := range s.site {
		site.Handle(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Last-Modified", s.Clock.Now().Format(http.TimeFormat))
			rw.Header().Set("Date", s.Clock.Now().Format(http.TimeFormat))
			honest.ServeHTTP(rw, r)
		}))
	}
	s.look()
}

func offlineAfter(d time.Duration) func(*stage) {
	return func(s *stage) {
		s.expect(liveGood)
		s.goDown()
		s.Clock.Advance(d)
		s.look()
	}
}

func firstStart(s *stage) {
	s.cfg.Static = s.Folder()
	s.goDown()
	s.look()
}

func shippedMirrors(s *stage) {
	s.cfg.Static = s.Folder()
	s.server["root"].Close()
	s.look()
}

func portal(f serverlisttest.Fault) func(*stage) {
	return func(s *stage) {
		s.expect(liveGood)
		for _, site := range s.site {
			site.SetFault(f)
		}
		s.told = nil
		s.look()
		for _, line := range s.told {
			if strings.Contains(line, "signature") || strings.Contains(line, "threshold") {
				s.t.Errorf("told as %q", line)
			}
		}
	}
}

func htmlTrust(s *stage) {
	for _, site := range s.site {
		site.Put("trust/2.trust", []byte("<!DOCTYPE html><title>Not found, and status 200 all the same</title>"))
	}
	s.look()
}

func rotatedCache(s *stage) {
	s.expect(liveGood)
	s.Clock.Advance(time.Minute)
	s.Amend(serverlisttest.Change{Lists: []string{"list/2"}})
	s.expect("cached, fresh: good")
	s.goDown()
	s.look()
}

func rotatedStatic(s *stage) {
	s.cfg.Static = s.Folder()
	s.Clock.Advance(time.Minute)
	s.Amend(serverlisttest.Change{Lists: []string{"list/2"}})
	s.look()
}
