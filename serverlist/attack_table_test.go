package serverlist_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// What most attacks end with.
const liveGood = "live, fresh: good"

// attackTable are the attacks on documents; those on the network follow in
// networkAttacks.
func attackTable() []attack {
	all := []attack{
		{"arbitrary list", "a mirror signs with keys of its own", faulty(serverlisttest.Stranger), liveGood, "a/server.list: refused: ... threshold"},
		{"arbitrary list", "no signature at all", faulty(serverlisttest.Unsigned), liveGood, "a/server.list: refused: ... no-signature"},
		{"arbitrary list", "one bit of the head", faulty(serverlisttest.HeadByte), liveGood, "a/server.list: refused: ... bad-signature"},
		{"arbitrary list", "one bit of a signature", faulty(serverlisttest.SignatureByte), liveGood, "a/server.list: refused: ... bad-signature"},
		{"arbitrary list", "one bit of the body", faulty(serverlisttest.BodyByte), liveGood, "a/server.list: refused: ... wrong-hash"},
		{"arbitrary list", "a forged trust document for a forged list", forgedTrust, liveGood, "a/trust/2.trust: refused: ... threshold"},
		{"arbitrary list", "a forged mirror list at the root", forgedMirrorList, liveGood, "root/mirror.list: refused: ... threshold"},

		{"fast-forward", "a stolen list key signs a version above the time of issue", versionAhead, liveGood, "a/server.list: refused: ... version-ahead"},
		{"fast-forward", "a stolen list key begins an epoch", epochAhead, liveGood, "a/server.list: refused: ... epoch-ahead"},
		{"fast-forward", "a stolen list key signs a list of 2100, and is revoked", year2100, "live, fresh: recovered", "server.list: refused: ... revoked"},

		{"fast-forward", "the root's own clock ran ahead to 2100, the admins begin an epoch", wrongClock, "live, fresh: recovered", "root/trust/2.trust: used"},

		{"mix-and-match", "head of one edition, body of another", faulty(serverlisttest.Mixed), liveGood, "a/server.list: refused: ... half of one edition"},
		{"mix-and-match", "an old mirror list beside a new server list", oldMirrorList, "live, fresh: newest", "root/mirror.list: older"},
		{"mix-and-match", "a list that names a trust document and a mirror list of the future", futureHints, liveGood, "a/server.list: used"},

		{"rollback", "everybody serves the edition before", rollback, "cached, fresh: newest", "a/server.list: older"},
		{"rollback", "a fresh launcher beside an old cache", oldCache, "static, fresh: newest", "server.list: older"},

		{"key theft", "one of two list keys that are needed", oneOfTwo, liveGood, "a/server.list: refused: ... threshold"},
		{"key theft", "one admin of two that are needed signs a trust document", oneAdmin, liveGood, "a/trust/2.trust: refused: ... threshold"},
		{"key theft", "a mirror goes on with the list of a key that is revoked", revokedKey, "live, fresh: recovered", "a/server.list: refused: ... revoked"},
		{"key theft", "the cache took the thief's list after the revocation", revokedCache, "static, fresh: good", "cache/server.list: refused: ... revoked"},
		{"key theft", "two editions of one number", equivocation, liveGood, "a/server.list: refused: signed with the epoch and version of the list that is held"},

		{"wrong document", "of another origin", faulty(serverlisttest.WrongOrigin), liveGood, "a/server.list: refused: ... threshold"},
		{"wrong document", "of another origin, signed by our keys", ourKeysOtherOrigin, liveGood, "a/server.list: refused: ... wrong-origin"},
		{"wrong document", "of another type", faulty(serverlisttest.WrongType), liveGood, "a/server.list: refused: ... wrong-type"},
		{"wrong document", "a trust document", trustAsList, liveGood, "a/server.list: refused: "},

		{"hostile entry", "control and bidi characters, duplicates, 9 KB, bad addresses", hostileEntries, liveGood, "skipped: entry"},
	}
	return append(all, networkAttacks()...)
}

func forgedTrust(s *stage) {
	other := s.stranger()
	s.site["a"].Put("trust/2.trust", other.Amend(serverlisttest.Change{Lists: []string{"list/evil"}}))
	s.site["a"].Put("server.list", other.Publish(serverlisttest.Servers("impostor")))
	s.look()
}

// forgedMirrorList names a mirror of the attacker, who is never asked.
func forgedMirrorList(s *stage) {
	evil := s.open("evil")
	s.site["root"].Put("mirror.list", s.stranger().Sign(serverlisttest.Mirrors(s.server["evil"].URL)))
	s.look()
	if asked := evil.Asked(); len(asked) > 0 {
		s.t.Errorf("the attacker was asked for %q", asked)
	}
}

func versionAhead(s *stage) {
	d := s.Complete(serverlisttest.Servers("impostor"))
	text := bytes.Replace(s.Text(d), []byte("\nversion 17"), []byte("\nversion 18"), 1)
	s.site["a"].Put("server.list", serverlisttest.SignText(text, d.Body, s.Signer("list/1")))
	s.look()
}

func epochAhead(s *stage) {
	d := serverlisttest.Servers("impostor")
	d.Epoch = 2
	s.site["a"].Put("server.list", s.thief(d))
	s.look()
}

// year2100: until the revocation the thief's list is as good as any other;
// after it, the epoch puts a usual version above the one of 2100.
func year2100(s *stage) {
	s.expect(liveGood)
	d := serverlisttest.Servers("impostor")
	d.Issued = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	s.site["a"].Put("server.list", s.thief(d))
	s.expect("live, fresh: impostor (is the clock right?)")
	s.Clock.Advance(time.Hour)
	s.Amend(serverlisttest.Change{Lists: []string{"list/2"}, Revoke: []string{"list/1"}})
	s.publish("recovered")
	s.look()
}

// wrongClock: nothing is revoked, so the list of 2100 stays in the cache, and
// only its epoch ranks it below what follows.
func wrongClock(s *stage) {
	d := serverlisttest.Servers("ahead")
	d.Issued = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	s.site["a"].Put("server.list", s.Sign(d))
	s.expect("live, fresh: ahead (is the clock right?)")
	s.Clock.Advance(time.Hour)
	s.Amend(serverlisttest.Change{Edit: func(t *keys.Trust) { t.Epoch++ }})
	s.site["a"].SetFault(serverlisttest.NotFound)
	s.publish("recovered")
	s.look()
}

func oldMirrorList(s *stage) {
	s.mirrors("a", "b")
	s.expect(liveGood)
	s.site["root"].SetFault(serverlisttest.Old)
	s.publish("newest")
	s.look()
	if n := len(s.last.Mirrors.Mirrors); n != 2 {
		s.t.Errorf("the client knows %d mirrors: it went back", n)
	}
}

func futureHints(s *stage) {
	d := serverlisttest.Servers("good")
	d.Trust, d.Mirrors = 99, s.Clock.Now().AddDate(1, 0, 0).Unix()
	s.Clock.Advance(time.Minute)
	s.Publish(d)
	s.look()
}

func rollback(s *stage) {
	s.publish("newest")
	s.expect("live, fresh: newest")
	s.site["a"].SetFault(serverlisttest.Old)
	s.site["root"].SetFault(serverlisttest.Old)
	s.look()
}

func oldCache(s *stage) {
	s.expect(liveGood)
	s.publish("newest")
	s.cfg.Static = s.Folder()
	s.goDown()
	s.look()
}

func oneOfTwo(s *stage) {
	s.Amend(serverlisttest.Change{Lists: []string{"list/1", "list/2"}, ListsNeeded: 2})
	s.mirrors("a")
	s.publish("good")
	s.site["a"].Put("server.list", s.thief(serverlisttest.Servers("impostor"), "list/2"))
	s.look()
}

func oneAdmin(s *stage) {
	next := serverlisttest.NewRoot(serverlisttest.Options{})
	next.Amend(serverlisttest.Change{Lists: []string{"list/evil"}})
	text, err := next.Chain().Newest().Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	note, err := keys.Sign(text, s.Signer("admin/carol"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.site["a"].Put("trust/2.trust", note)
	s.site["a"].Put("server.list", next.Sign(serverlisttest.Servers("impostor")))
	s.look()
}

func revokedKey(s *stage) {
	s.site["a"].Put("server.list", s.thief(serverlisttest.Servers("impostor")))
	s.Clock.Advance(time.Hour)
	s.Amend(serverlisttest.Change{Lists: []string{"list/2"}, Revoke: []string{"list/1"}})
	s.mirrors("a")
	s.publish("recovered")
	s.look()
}

// revokedCache: the launcher shipped before the theft; the thief's list came
// into the cache while the root was out of reach. Then the trust document that
// revokes the key arrives, and no list yet.
func revokedCache(s *stage) {
	s.cfg.Static = s.Folder()
	revocation := s.Clock.Now().Add(time.Hour)
	s.Clock.Set(revocation.Add(time.Hour))
	s.site["a"].Put("server.list", s.thief(serverlisttest.Servers("impostor")))
	s.expect("live, fresh: impostor")
	s.Amend(serverlisttest.Change{Lists: []string{"list/2"}, Revoke: []string{"list/1"}, Edit: func(t *keys.Trust) { t.Revoked[0].Since = revocation }})
	s.look()
}

func equivocation(s *stage) {
	s.expect(liveGood)
	d := serverlisttest.Servers("impostor")
	d.Issued = s.last.List.Head.Issued
	s.site["a"].Put("server.list", s.thief(d))
	s.look()
	if evidence, _ := filepath.Glob(filepath.Join(s.cache, "conflict", "1")); len(evidence) != 1 {
		s.t.Error("no evidence was kept")
	}
}

func ourKeysOtherOrigin(s *stage) {
	d := serverlisttest.Servers("impostor")
	d.Origin = "another.example"
	s.site["a"].Put("server.list", s.thief(d))
	s.look()
}

func trustAsList(s *stage) {
	s.site["a"].Put("server.list", s.Pinned())
	s.site["a"].Put("mirror.list", s.Pinned())
	s.look()
}

func hostileEntries(s *stage) {
	var body bytes.Buffer
	for _, line := range []string{
		`{"id":"good","name":"Good","addresses":["good.example.net:1"]}`,
		`{"id":"good","name":"Impostor","addresses":["evil.example.net:1"]}`,
		`{"id":"b","name":"\u202egnp.exe","addresses":["b.example.net:1"]}`,
		`{"id":"c","name":"\u001b[2J","addresses":["c.example.net:1"]}`,
		`{"id":"d","name":"D","name":"E","addresses":["d.example.net:1"]}`,
		`{"id":"e","name":"E","addresses":["$(reboot):1"]}`,
		`{"id":"f","name":"F","addresses":["f.example.net:1"],"x":"` + strings.Repeat("x", 9<<10) + `"}`,
		`{"id":"../../etc/passwd","name":"G","addresses":["g.example.net:1"]}`,
		strings.Repeat("[", 8000),
		`not JSON`,
		``,
	} {
		body.WriteString(line + "\n")
	}
	s.Clock.Advance(time.Minute)
	s.Publish(serverlist.Draft{Body: body.Bytes()})
	s.look()
	if n := len(s.last.List.Skipped); n != 10 {
		s.t.Errorf("%d entries were reported", n)
	}
}
