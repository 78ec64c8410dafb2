package root_test

import (
	"bytes"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// untilListed polls the served list until it holds exactly these entries.
func (w *world) untilListed(ids ...string) (l *serverlist.List) {
	w.t.Helper()
	w.until("list exactly "+strings.Join(ids, " "), func() bool {
		l = w.open("/server.list", serverlist.TypeServerList)
		return slices.EqualFunc(l.Servers, ids, func(s serverlist.Server, id string) bool { return s.ID == id })
	})
	return l
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	one, two, three := w.register(1), w.register(2), w.register(3)

	pending, err := c.Pending(t.Context())
	if err != nil || len(pending) != 3 {
		t.Fatalf("%d pending: %v", len(pending), err)
	}
	first := pending[0]
	if first.ID != one.ID || first.Name != "Server 1" || first.Addresses[0] != "s1.example.net:13327" || first.Status != "pending" ||
		first.Game != "crossfire" || first.Email != "admin1@example.org" || first.Source != "127.0.0.1" || first.Conflicts == nil {
		t.Errorf("%+v", first)
	}

	made, err := c.Approve(t.Context(), one.ID, api.Approval{})
	if err != nil || made.EntryID != "server-1" || made.Status != "approved" || made.ID != one.ID {
		t.Fatalf("%+v, %v", made, err)
	}
	chosen, err := c.Approve(t.Context(), two.ID, api.Approval{EntryID: "second"})
	if err != nil || chosen.EntryID != "second" {
		t.Fatalf("%+v, %v", chosen, err)
	}
	rejected, err := c.Reject(t.Context(), three.ID, "not a game server")
	if err != nil || rejected.Status != "rejected" {
		t.Fatalf("%+v, %v", rejected, err)
	}
	list := w.untilListed("second", "server-1")
	if bytes.Contains(list.Bytes(), []byte("@")) {
		t.Error("the list holds an e-mail address")
	}
	if s := list.Servers[1]; s.Name != "Server 1" || s.Addresses[0] != "s1.example.net:13327" || s.Game != "crossfire" || s.Description != "A server" {
		t.Errorf("%+v", s)
	}

	if _, err := c.Revoke(t.Context(), "second", "gone"); err != nil {
		t.Fatal(err)
	}
	w.untilListed("server-1")
	for _, tc := range []struct {
		who    api.Accepted
		status string
		entry  string
		reason string
	}{{one, "approved", "server-1", ""}, {two, "revoked", "second", "gone"}, {three, "rejected", "", "not a game server"}} {
		s := decode[api.Status](t, w.get(tc.who.StatusURL), 200)
		if s.Status != tc.status || s.EntryID != tc.entry || s.Reason != tc.reason || s.Decided == nil {
			t.Errorf("%+v, want %+v", s, tc)
		}
	}
	if pending, err := c.Pending(t.Context()); err != nil || len(pending) != 0 || pending == nil {
		t.Errorf("pending %v: %v", pending, err)
	}
	shown, err := c.Registration(t.Context(), three.ID)
	if err != nil || shown.Status != "rejected" || shown.Admin != "admin" || shown.Reason != "not a game server" {
		t.Errorf("%+v, %v", shown, err)
	}
}

func TestConflictsAreShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	if _, err := c.Approve(t.Context(), w.register(1).ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	list := w.untilListed("server-1").Bytes()
	impostor := request(1)
	impostor.Email = "mallory@example.com"
	id := decode[api.Accepted](t, w.post(impostor), 202).ID
	r, err := c.Registration(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, conflict := range r.Conflicts {
		kinds[conflict.Kind] = conflict.EntryID
	}
	if kinds["name"] != "server-1" || kinds["address"] != "server-1" || r.EntryID != "" || r.Status != "pending" {
		t.Errorf("%+v", r)
	}
	if !bytes.Equal(list, w.get("/server.list").body) {
		t.Error("the list changed without a decision")
	}
}

// TestSentAgain registers the same server again after it was approved: it
// updates the entry and never makes a second one.
func TestSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	if _, err := c.Approve(t.Context(), w.register(1).ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	again := request(1)
	again.Description = "After the crash"
	accepted := decode[api.Accepted](t, w.post(again), 202)
	if s := decode[api.Status](t, w.get(accepted.StatusURL), 200); s.EntryID != "" {
		t.Errorf("the status tells the entry before the decision: %+v", s)
	}
	decided, err := c.Approve(t.Context(), accepted.ID, api.Approval{})
	if err != nil || decided.EntryID != "server-1" {
		t.Fatalf("%+v, %v", decided, err)
	}
	w.until("update the entry", func() bool { return w.untilListed("server-1").Servers[0].Description == "After the crash" })
}

func TestAdminNeedsToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, frozen)
	w.register(1)
	before := w.snapshot()
	other := newWorld(t)
	routes := []struct{ method, path string }{
		{"GET", "/registrations"}, {"GET", "/registrations/r1"}, {"POST", "/registrations/r1/approve"}, {"POST", "/registrations/r1/reject"},
		{"POST", "/entries/x/revoke"}, {"GET", "/mirrors"}, {"POST", "/mirrors"}, {"DELETE", "/mirrors/x"}, {"GET", "/lists"}, {"POST", "/lists/server.list/confirm"},
		{"GET", "/nothing"}, {"PATCH", "/mirrors"},
	}
	headers := []string{
		"", "Authorization: ", "Authorization: Bearer", "Authorization: Bearer x", "Authorization: Bearer " + other.token,
		"Authorization: Basic " + w.token, "Authorization: " + w.token, "Authorization: Bearer " + strings.TrimPrefix(w.token, api.AdminTokenPrefix),
		"Authorization: Bearer " + w.token + "A", "Authorization: Bearer " + w.token[:len(w.token)-1], "Authorization: Bearer " + strings.ToUpper(w.token),
		"Cookie: token=" + w.token,
	}
	unauthorized := 0
	for _, r := range routes {
		for _, h := range headers {
			a := w.send(exchange{r.method, w.admin + "/api/v1/admin" + r.path, splitHeader(h), "{}"})
			if a.status == 401 {
				unauthorized++
				if a.header.Get("WWW-Authenticate") == "" {
					t.Error("no WWW-Authenticate")
				}
				a.problem(t, 401)
			} else {
				a.problem(t, 429)
				checkRetryAfter(t, a)
			}
		}
	}
	if tries := len(routes) * len(headers); unauthorized < root.FailureBurst || unauthorized == tries {
		t.Errorf("%d of %d wrong tokens were answered 401; the rest should be held up", unauthorized, tries)
	}
	// The right token is not held up by the wrong ones.
	if _, err := w.client().Pending(t.Context()); err != nil {
		t.Error(err)
	}
	if after := w.snapshot(); after != before {
		t.Errorf("something changed: %+v", after.counts)
	}
	if strings.Contains(w.log.String(), other.token) || strings.Contains(w.log.String(), w.token) {
		t.Error("the log holds a token")
	}
}

func splitHeader(h string) []string {
	if h == "" {
		return nil
	}
	return []string{h}
}

func TestAdminRefusesBrowsersOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.AdminHosts = []string{"root.example.org"} })
	u, _ := url.Parse(w.admin)
	for _, tc := range []struct {
		method  string
		headers []string
		status  int
	}{
		{"GET", []string{"Host: evil.example"}, 403},
		{"GET", []string{"Host: evil.example:" + u.Port()}, 403},
		{"GET", []string{"Host: localhost.evil.example"}, 403},
		{"GET", []string{"Host: 127.0.0.1.evil.example"}, 403},
		{"GET", []string{"Host: localhost:" + u.Port()}, 200},
		{"GET", []string{"Host: LOCALHOST"}, 200},
		{"GET", []string{"Host: [::1]:1"}, 200},
		{"GET", []string{"Host: root.example.org"}, 200},
		{"POST", []string{"Origin: http://evil.example"}, 403},
		{"POST", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"POST", []string{"Origin: null"}, 403},
		{"POST", []string{"Sec-Fetch-Site: same-origin"}, 422},
	} {
		a := w.ask(tc.method, "/mirrors", "{}", tc.headers...)
		if a.status != tc.status {
			t.Errorf("%s with %v: status %d, want %d", tc.method, tc.headers, a.status, tc.status)
		}
		if tc.status == 403 {
			a.problem(t, 403)
		}
	}
}

func TestBadDecisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	approved, rejected, pending := w.register(1), w.register(2), w.register(3)
	if _, err := c.Approve(t.Context(), approved.ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Reject(t.Context(), rejected.ID, "no"); err != nil {
		t.Fatal(err)
	}
	w.untilListed("server-1")
	before := w.snapshot()
	long := strings.Repeat("x", 501)
	for _, tc := range []struct {
		method, path, body string
		status             int
		fields             string
	}{
		{"GET", "/registrations/r999", "", 404, ""},
		{"GET", "/registrations/..%2f..%2fx", "", 404, ""},
		{"POST", "/registrations/r999/approve", "", 404, ""},
		{"POST", "/registrations/" + approved.ID + "/approve", "", 409, ""},
		{"POST", "/registrations/" + rejected.ID + "/approve", "", 409, ""},
		{"POST", "/registrations/" + pending.ID + "/approve", `{"entry_id":"Bad Id"}`, 422, "entry_id"},
		{"POST", "/registrations/" + pending.ID + "/approve", `{"entry_id":"server-1"}`, 409, "entry_id"},
		{"POST", "/registrations/" + pending.ID + "/approve", `{"replace":true}`, 422, "entry_id"},
		{"POST", "/registrations/" + pending.ID + "/approve", `{"id":"x"}`, 422, "id"},
		{"POST", "/registrations/" + pending.ID + "/approve", `{"revision":2}`, 409, ""},
		{"POST", "/registrations/" + pending.ID + "/approve", `{"revision":-1}`, 422, "revision"},
		{"POST", "/registrations/" + pending.ID + "/approve", `{"revision":"1"}`, 422, "revision"},
		{"POST", "/registrations/" + pending.ID + "/approve", `{`, 400, ""},
		{"POST", "/registrations/" + pending.ID + "/approve", `[]`, 400, ""},
		{"POST", "/registrations/" + pending.ID + "/reject", ``, 400, ""},
		{"POST", "/registrations/" + pending.ID + "/reject", `{}`, 422, "reason"},
		{"POST", "/registrations/" + pending.ID + "/reject", `{"reason":" "}`, 422, "reason"},
		{"POST", "/registrations/" + pending.ID + "/reject", `{"reason":"a\u001b[2J"}`, 422, "reason"},
		{"POST", "/registrations/" + pending.ID + "/reject", `{"reason":"` + long + `"}`, 422, "reason"},
		{"POST", "/registrations/" + pending.ID + "/reject", `{"reason":7}`, 422, "reason"},
		{"POST", "/registrations/" + pending.ID + "/reject", `{"reason":"` + strings.Repeat("x", 20000) + `"}`, 413, ""},
		{"POST", "/registrations/r999/reject", `{"reason":"x"}`, 404, ""},
		{"POST", "/registrations/" + rejected.ID + "/reject", `{"reason":"x"}`, 409, ""},
		{"POST", "/entries/nothing/revoke", `{"reason":"x"}`, 404, ""},
		{"POST", "/entries/server-1/revoke", `{}`, 422, "reason"},
		{"POST", "/mirrors", `{}`, 422, "operator id urls"},
		{"POST", "/mirrors", `{"id":"a","operator":"A","urls":["ftp://x/"]}`, 422, "urls"},
		{"POST", "/mirrors", `{"id":"a","operator":"A","urls":[]}`, 422, "urls"},
		{"POST", "/mirrors", `{"id":"A B","operator":"A","urls":["http://x.example/"]}`, 422, "id"},
		{"POST", "/mirrors", `{"id":"a","operator":"A\u202e","urls":["http://x.example/"]}`, 422, "operator"},
		{"POST", "/mirrors", `{"id":"root","operator":"A","urls":["http://x.example/"]}`, 422, "id"},
		{"POST", "/mirrors", `{"id":"a","operator":"A","urls":["http://x.example/"],"root":true}`, 422, "root"},
		{"POST", "/mirrors", `{"id":"a","operator":"A","urls":["http://u:p@x.example/"]}`, 422, "urls"},
		{"DELETE", "/mirrors/nothing", ``, 404, ""},
		{"DELETE", "/mirrors/root", ``, 409, ""},
		{"POST", "/lists/other.list/confirm", `{"change":1}`, 404, ""},
		{"POST", "/lists/server.list/confirm", `{"change":1}`, 409, ""}, // nothing waits
		{"POST", "/lists/server.list/confirm", `{"change":9007199254740991}`, 409, ""},
		{"POST", "/lists/server.list/confirm", `{}`, 422, "change"},
		{"POST", "/lists/server.list/confirm", `{"change":"1"}`, 422, "change"},
	} {
		p := w.ask(tc.method, tc.path, tc.body).problem(t, tc.status)
		if fields(p) != tc.fields {
			t.Errorf("%s %s %.60s: fields %q, want %q", tc.method, tc.path, tc.body, fields(p), tc.fields)
		}
	}
	if after := w.snapshot(); after != before {
		t.Errorf("something changed: %+v, was %+v", after.counts, before.counts)
	}
}

// TestMirrors checks that an answer means the list is served.
func TestMirrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.PublicURL = "http://ms.example.org/" })
	c := w.client()
	ids := func() string {
		var ids []string
		for _, m := range w.open("/mirror.list", serverlist.TypeMirrorList).Mirrors {
			ids = append(ids, m.ID)
		}
		return strings.Join(ids, " ")
	}
	for _, m := range []api.Mirror{
		{ID: "tuwien", Operator: "TU Wien", URLs: []string{"http://ms.example.at/ms/"}, Region: "eu", Contact: "ms@example.at"},
		{ID: "home", Operator: "Someone", URLs: []string{"http://users.isp.example/~someone/server.list"}},
	} {
		published, err := c.AddMirror(t.Context(), api.NewMirror{Mirror: m, Unchecked: true})
		if err != nil {
			t.Fatal(err)
		}
		l := w.open("/mirror.list", serverlist.TypeMirrorList)
		if l.Head.Version < published.Version || !strings.Contains(ids(), m.ID) {
			t.Errorf("version %d with %q is served, %d was answered", l.Head.Version, ids(), published.Version)
		}
	}
	if got := ids(); got != "home root tuwien" {
		t.Errorf("mirrors %q", got)
	}
	_, err := c.AddMirror(t.Context(), api.NewMirror{Unchecked: true, Mirror: api.Mirror{ID: "home", Operator: "X", URLs: []string{"http://x.example/"}}})
	var p *api.Problem
	if !errors.As(err, &p) || p.Status != 409 || fields(*p) != "id" {
		t.Errorf("the same id again: %v", err)
	}
	if _, err := c.RemoveMirror(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	if got := ids(); got != "root tuwien" {
		t.Errorf("mirrors %q", got)
	}
	all, err := c.Mirrors(t.Context())
	if err != nil || len(all) != 2 || !all[0].Root || all[0].URLs[0] != "http://ms.example.org/" || all[1].Contact != "ms@example.at" {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestRemovalIsConfirmed revokes so many entries that the list waits.
func TestRemovalIsConfirmed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	for n := range 20 {
		if _, err := c.Approve(t.Context(), w.register(n).ID, api.Approval{}); err != nil {
			t.Fatal(err)
		}
	}
	w.untilEntries(20)
	ids := w.entryIDs()
	w.stop() // so that all of these are lost by one edition, as by a bad import
	st, err := store.OpenSQLite(t.Context(), store.Config{Path: w.dir + "/root.db", MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for _, id := range ids[:12] {
		if _, err := st.Revoke(t.Context(), id, "a bad import", "admin"); err != nil {
			t.Fatal(err)
		}
	}
	w = serveData(t, w.dir)
	c = w.client()
	waiting := w.untilList(func(l api.List) bool { return l.Confirm != 0 })
	if waiting.Entries != 20 || waiting.Failure == "" {
		t.Errorf("%+v", waiting)
	}
	if _, err := c.Confirm(t.Context(), "server.list", waiting.Confirm); err != nil {
		t.Fatal(err)
	}
	w.untilEntries(8)
}

func (w *world) entryIDs() []string {
	w.t.Helper()
	var ids []string
	for _, s := range w.open("/server.list", serverlist.TypeServerList).Servers {
		ids = append(ids, s.ID)
	}
	return ids
}

func (w *world) untilEntries(n int) {
	w.t.Helper()
	w.untilList(func(l api.List) bool { return l.Entries == n })
}

// untilList polls what the admin API says of the server list.
func (w *world) untilList(ok func(api.List) bool) (list api.List) {
	w.t.Helper()
	w.until("publish the list that is wanted", func() bool {
		lists, err := w.client().Lists(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		list = lists[0]
		return ok(list)
	})
	return list
}
