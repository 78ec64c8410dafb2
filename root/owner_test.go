package root_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/signedrequest"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// An ownerWorld is a world with one registered server and its status URL.
type ownerWorld struct {
	*world
	id, status string // status is a path
}

func (w *world) owner(n int, change ...func(*api.RegistrationRequest)) *ownerWorld {
	w.t.Helper()
	req := request(n)
	for _, c := range change {
		c(&req)
	}
	a := decode[api.Accepted](w.t, w.post(req), 202)
	return &ownerWorld{w, a.ID, a.StatusURL}
}

func (w *world) approve(id string) {
	w.t.Helper()
	if _, err := w.client().Approve(w.t.Context(), id, api.Approval{}); err != nil {
		w.t.Fatal(err)
	}
}

// do posts JSON to a path of the public listener.
func (w *world) do(path string, body any) answer {
	w.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.send(exchange{"POST", w.public + path, []string{"Content-Type: application/json"}, string(data)})
}

func (o *ownerWorld) state() api.Status {
	o.t.Helper()
	return decode[api.Status](o.t, o.get(o.status), 200)
}

// edited returns the present content with a change.
func (o *ownerWorld) edited(change func(*api.Edit)) api.Edit {
	o.t.Helper()
	s := o.state()
	if s.Server == nil {
		o.t.Fatalf("the owner is shown no content: %+v", s)
	}
	change(s.Server)
	return *s.Server
}

func TestOwnerEditsPending(t *testing.T) {
	t.Parallel()
	o := newWorld(t).owner(1)
	edit := o.edited(func(e *api.Edit) { e.Addresses, e.Description = []string{"moved.example.net:1"}, "New" })
	r := decode[api.Request](t, o.do(o.status+"/edit", edit), 202)
	if r.ID != o.id || r.Kind != "new" || r.Revision != 2 {
		t.Errorf("%+v", r)
	}
	reg, err := o.client().Registration(t.Context(), o.id)
	if err != nil || reg.Addresses[0] != "moved.example.net:1" || reg.Email != "admin1@example.org" || reg.Revision != 2 {
		t.Errorf("%+v, %v", reg, err)
	}
	s := o.state()
	if s.Status != "pending" || !s.Owner || !strings.Contains(s.Summary, "an admin decides") || len(s.Steps) == 0 || s.Proof == nil {
		t.Errorf("%+v", s)
	}
}

func TestOwnerMovesListed(t *testing.T) {
	t.Parallel()
	o := newWorld(t).owner(1)
	o.approve(o.id)
	o.untilListed("server-1")
	r := decode[api.Request](t, o.do(o.status+"/edit", o.edited(func(e *api.Edit) {
		e.Addresses, e.Email = []string{"moved.example.net:1"}, "new@example.org"
	})), 202)
	if r.Kind != "edit" || r.Status != "pending" || len(r.Changes) != 1 || r.Changes[0] != (api.FieldChange{Field: "addresses", From: "s1.example.net:13327", To: "moved.example.net:1"}) {
		t.Errorf("%+v", r)
	}
	if s := o.state(); s.Open == nil || s.Open.ID != r.ID || s.Open.Proof == nil || s.Status != "approved" || strings.Contains(fmt.Sprint(s), "@") {
		t.Errorf("the owner sees %+v", s)
	}
	reg, err := o.client().Registration(t.Context(), r.ID)
	if err != nil || reg.Kind != "edit" || reg.NotOwner || len(reg.Changes) != 2 || reg.Changes[1].To != "new@example.org" || len(reg.Conflicts) != 0 {
		t.Errorf("the admin sees %+v, %v", reg, err)
	}
	pending, err := o.client().Pending(t.Context())
	if err != nil || len(pending) != 1 || len(pending[0].Changes) != 2 {
		t.Errorf("the queue has %+v, %v", pending, err)
	}
	if l := o.open("/server.list", serverlist.TypeServerList); l.Servers[0].Addresses[0] != "s1.example.net:13327" {
		t.Error("the list changed before anybody approved")
	}
	o.approve(r.ID)
	o.untilAddress("server-1", "moved.example.net:1")
	if s := o.state(); s.Open != nil || s.Last == nil || s.Last.Status != "approved" || s.Server.Addresses[0] != "moved.example.net:1" || !s.Listing.Served {
		t.Errorf("the owner sees %+v", s)
	}
}

// untilAddress waits until the list shows an entry at an address, and nothing
// beside it.
func (w *world) untilAddress(id, address string) {
	w.t.Helper()
	w.until("list "+id+" at "+address, func() bool {
		l := w.open("/server.list", serverlist.TypeServerList)
		return len(l.Servers) == 1 && l.Servers[0].ID == id && l.Servers[0].Addresses[0] == address
	})
}

func TestOwnerWithdraws(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pending, listed := w.owner(1), w.owner(2)
	if r := decode[api.Request](t, w.do(pending.status+"/withdraw", struct{}{}), 200); r.Status != "withdrawn" {
		t.Errorf("%+v", r)
	}
	if s := pending.state(); s.Status != "withdrawn" || !strings.Contains(s.Summary, "taken it back") {
		t.Errorf("%+v", s)
	}
	w.approve(listed.id)
	w.untilListed("server-2")
	r := decode[api.Request](t, w.do(listed.status+"/withdraw", struct{}{}), 202)
	if r.Kind != "withdrawal" || r.Status != "pending" {
		t.Errorf("%+v", r)
	}
	w.approve(r.ID)
	w.untilListed()
	if s := listed.state(); s.Status != "withdrawn" || s.Listing == nil || s.Listing.Listed || !strings.Contains(s.Summary, "owner has withdrawn") {
		t.Errorf("%+v", s)
	}
	w.do(listed.status+"/withdraw", struct{}{}).problem(t, 409)
}

func TestOwnerTransfers(t *testing.T) {
	t.Parallel()
	o := newWorld(t).owner(1)
	o.approve(o.id)
	o.do(o.status+"/transfer", api.Offer{Email: "nobody"}).problem(t, 422)
	offer := decode[api.Offered](t, o.do(o.status+"/transfer", api.Offer{Email: "new@example.org"}), 200)
	if offer.EntryID != "server-1" || !strings.HasPrefix(offer.URL, "/api/v1/transfers/server-1/") || offer.Expires.Before(time.Now()) {
		t.Errorf("%+v", offer)
	}
	public := &api.Client{Root: o.public, HTTP: o.http}
	if shown, err := public.Handover(t.Context(), o.public+offer.URL); err != nil || shown.EntryID != "server-1" || !shown.Expires.Equal(offer.Expires) {
		t.Errorf("what is offered: %+v, %v", shown, err)
	}
	if p := o.do(offer.URL, api.TakeOver{Email: "mallory@example.org"}).problem(t, 422); fields(p) != "email" {
		t.Errorf("%+v", p)
	}
	o.do(offer.URL, api.TakeOver{Email: "new@example.org", Key: "short"}).problem(t, 422)
	a := decode[api.Accepted](t, o.do(offer.URL, api.TakeOver{Email: "new@example.org"}), 202)
	o.do(offer.URL, api.TakeOver{Email: "new@example.org"}).problem(t, 404)
	next := &ownerWorld{o.world, a.ID, a.StatusURL}
	if s := next.state(); s.Kind != "transfer" || s.Status != "pending" || s.Server != nil || !strings.Contains(s.Summary, "still its former owner's") {
		t.Errorf("%+v", s)
	}
	reg, err := o.client().Registration(t.Context(), a.ID)
	if err != nil || reg.Kind != "transfer" || len(reg.Changes) != 1 || reg.Changes[0].From != "admin1@example.org" || reg.Changes[0].To != "new@example.org" {
		t.Errorf("the admin sees %+v, %v", reg, err)
	}
	o.approve(a.ID)
	if s := o.state(); s.Owner || s.Server != nil {
		t.Errorf("the former owner sees %+v", s)
	}
	o.do(o.status+"/withdraw", struct{}{}).problem(t, 403)
	edit := next.edited(func(e *api.Edit) { e.Description = "Ours" })
	if r := decode[api.Request](t, o.do(next.status+"/edit", edit), 202); r.Kind != "edit" {
		t.Errorf("%+v", r)
	}
}

// TestBadOwnerRequests sends what must be refused and looks whether anything
// changed.
func TestBadOwnerRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o, pending := w.owner(1), w.owner(2)
	w.approve(o.id)
	w.untilListed("server-1")
	good := o.edited(func(e *api.Edit) { e.Description = "x" })
	other := pending.status[strings.LastIndexByte(pending.status, '/'):]
	before := w.snapshot()
	for _, tc := range []struct {
		name, path string
		body       any
		status     int
		fields     string
	}{
		{"no token", "/api/v1/registrations/" + o.id + "/" + strings.Repeat("A", 43) + "/edit", good, 404, ""},
		{"broken token", "/api/v1/registrations/" + o.id + "/x/edit", good, 404, ""},
		{"another's token", "/api/v1/registrations/" + o.id + other + "/edit", good, 404, ""},
		{"another's token to withdraw", "/api/v1/registrations/" + o.id + other + "/withdraw", struct{}{}, 404, ""},
		{"no offer", "/api/v1/transfers/server-1/" + strings.Repeat("A", 43), api.TakeOver{Email: "a@example.org"}, 404, ""},
		{"nothing new", o.status + "/edit", o.edited(func(*api.Edit) {}), 409, ""},
		{"empty", o.status + "/edit", struct{}{}, 422, "name description game address"},
		{"unknown member", o.status + "/edit", map[string]any{"owner": "me"}, 422, "owner name description game address"},
		{"bad address", o.status + "/edit", o.edited(func(e *api.Edit) { e.Addresses = []string{"127.0.0.1"} }), 422, "addresses[0]"},
		{"bad e-mail", o.status + "/edit", o.edited(func(e *api.Edit) { e.Email = "x" }), 422, "email"},
		{"no key to sign", "/api/v1/entries/server-1/signed", api.SignedRequest{Request: "x"}, 403, ""},
		{"no such entry", "/api/v1/entries/server-9/signed", api.SignedRequest{Request: "x"}, 404, ""},
		{"key proof without key", pending.status + "/prove", api.KeyProof{Request: "x"}, 409, ""},
		{"nothing to prove", o.status + "/check", struct{}{}, 409, ""},
	} {
		if p := w.do(tc.path, tc.body).problem(t, tc.status); fields(p) != tc.fields {
			t.Errorf("%s: fields %q, want %q: %v", tc.name, fields(p), tc.fields, p.Error())
		}
	}
	if after := w.snapshot(); after != before {
		t.Errorf("something changed: %+v, was %+v", after.counts, before.counts)
	}
	if strings.Contains(w.log.String(), o.status[strings.LastIndexByte(o.status, '/')+1:]) {
		t.Error("the log holds a status token")
	}
}

// testKey is the key of a server.
func testKey(t testing.TB, seed byte) (*keys.Signer, string) {
	t.Helper()
	s, err := keys.NewSigner("server", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s, base64.StdEncoding.EncodeToString(s.VerifierKey().Public())
}

// signedEdit makes the body of a signed request.
func signedEdit(t testing.TB, s *keys.Signer, entry string, e api.Edit, at time.Time, change ...func(*signedrequest.Request)) api.SignedRequest {
	t.Helper()
	content, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	r := signedrequest.New(origin, entry, signedrequest.Edit, content, at)
	for _, c := range change {
		c(r)
	}
	note, err := r.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	return api.SignedRequest{Request: string(note), Content: string(content)}
}

func TestSignedChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.SignedChanges = []string{"version"} })
	signer, public := testKey(t, 1)
	o := w.owner(1, func(r *api.RegistrationRequest) { r.Key = public })
	w.approve(o.id)
	w.untilListed("server-1")
	const path = "/api/v1/entries/server-1/signed"
	moved := o.edited(func(e *api.Edit) { e.Addresses = []string{"moved.example.net:1"} })
	now := time.Now()

	waits := decode[api.SignedResult](t, w.do(path, signedEdit(t, signer, "server-1", moved, now)), 202)
	if waits.Done || waits.Request == nil || !waits.Request.Signed || waits.Changed[0] != "addresses" {
		t.Errorf("not allowed: %+v", waits)
	}
	if a, err := w.client().Allow(t.Context(), "server-1", api.Allowed{Members: []string{"addresses"}}); err != nil || len(a.Members) != 1 {
		t.Fatalf("%+v, %v", a, err)
	}
	body := signedEdit(t, signer, "server-1", moved, now.Add(time.Millisecond))
	if done := decode[api.SignedResult](t, w.do(path, body), 200); !done.Done || done.Changed[0] != "addresses" {
		t.Errorf("allowed: %+v", done)
	}
	w.untilAddress("server-1", "moved.example.net:1")
	if s := o.state(); s.Open != nil || s.Last.Status != "withdrawn" {
		t.Errorf("the older request is %+v", s)
	}

	before := w.snapshot()
	for name, tc := range map[string]struct {
		body   api.SignedRequest
		status int
	}{
		"again": {body, 409},
		"older": {signedEdit(t, signer, "server-1", moved, now), 409},
		"other key": {func() api.SignedRequest {
			s, _ := testKey(t, 2)
			return signedEdit(t, s, "server-1", moved, time.Now())
		}(), 403},
		"other entry":   {signedEdit(t, signer, "server-2", moved, time.Now()), 422},
		"other root":    {signedEdit(t, signer, "server-1", moved, time.Now(), func(r *signedrequest.Request) { r.Origin = "other.example" }), 422},
		"other content": {api.SignedRequest{Request: body.Request, Content: strings.Replace(body.Content, "moved", "stolen", 1)}, 422},
		"a proof":       {signedEdit(t, signer, "server-1", moved, time.Now(), func(r *signedrequest.Request) { r.Action = signedrequest.Prove }), 422},
		"old":           {signedEdit(t, signer, "server-1", moved, time.Now().Add(-11*time.Minute)), 422},
		"new":           {signedEdit(t, signer, "server-1", moved, time.Now().Add(11*time.Minute)), 422},
		"e-mail":        {signedEdit(t, signer, "server-1", o.edited(func(e *api.Edit) { e.Email = "x@example.org" }), time.Now()), 422},
		"bad content":   {signedEdit(t, signer, "server-1", o.edited(func(e *api.Edit) { e.Addresses = []string{"x"} }), time.Now()), 422},
		"too soon":      {signedEdit(t, signer, "server-1", o.edited(func(e *api.Edit) { e.Addresses = []string{"next.example.net:1"} }), time.Now()), 429},
	} {
		if p := w.do(path, tc.body).problem(t, tc.status); p.Detail == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if after := w.snapshot(); after != before {
		t.Errorf("something changed: %+v, was %+v", after.counts, before.counts)
	}
}

func TestAllowRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.approve(w.owner(1).id)
	for body, field := range map[string]string{
		`{"members":["name"]}`:                         "members",
		`{"members":["key"]}`:                          "members",
		`{"members":["version"],"default":true}`:       "default",
		`{"members":["version"],"entry_id":"another"}`: "entry_id",
	} {
		if p := w.ask("POST", "/entries/server-1/allow", body).problem(t, 422); fields(p) != field {
			t.Errorf("%s: %+v", body, p)
		}
	}
	w.ask("POST", "/entries/nobody/allow", `{"default":true}`).problem(t, 404)
	if _, err := root.New(config.Config{Data: newData(t), SignedChanges: []string{"game"}}); err == nil || !strings.Contains(err.Error(), "signed_changes") {
		t.Errorf("the configuration was taken: %v", err)
	}
	if _, err := root.New(config.Config{Data: newData(t), Resolver: "1.1.1.1"}); err == nil || !strings.Contains(err.Error(), "1.1.1.1:53") {
		t.Errorf("the configuration was taken: %v", err)
	}
}

// TestOwnersOfBlocked sends what a block refuses, as an edit and under the key.
func TestOwnersOfBlocked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.SignedChanges = []string{"addresses"} })
	signer, public := testKey(t, 1)
	o := w.owner(1, func(r *api.RegistrationRequest) { r.Key = public })
	w.approve(o.id)
	decode[api.Block](t, w.ask("POST", "/blocks", `{"kind":"domain","value":"bad.example","reason":"Spam."}`), 200)
	moved := o.edited(func(e *api.Edit) { e.Addresses = []string{"s.bad.example:1"} })
	before := w.snapshot()
	w.do(o.status+"/edit", moved).problem(t, 403)
	w.do("/api/v1/entries/server-1/signed", signedEdit(t, signer, "server-1", moved, time.Now())).problem(t, 403)
	if after := w.snapshot(); after.counts != before.counts {
		t.Errorf("something changed: %+v, was %+v", after.counts, before.counts)
	}
}

func TestStatusOfSuspended(t *testing.T) {
	t.Parallel()
	o := newWorld(t).owner(1)
	o.approve(o.id)
	if a := o.ask("POST", "/entries/server-1/suspend", `{"reason":"Down for weeks."}`); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if s := o.state(); s.Listing.Listed || s.Listing.Served || !strings.Contains(s.Summary, "not in the list for now: Down for weeks.") || s.Server == nil {
		t.Errorf("%+v", s)
	}
}

// TestTransferIsNotMade takes one back and turns one down: the owner stays.
func TestTransferIsNotMade(t *testing.T) {
	t.Parallel()
	o := newWorld(t).owner(1)
	o.approve(o.id)
	take := func() *ownerWorld {
		t.Helper()
		offer := decode[api.Offered](t, o.do(o.status+"/transfer", api.Offer{Email: "new@example.org"}), 200)
		a := decode[api.Accepted](t, o.do(offer.URL, api.TakeOver{Email: "new@example.org"}), 202)
		return &ownerWorld{o.world, a.ID, a.StatusURL}
	}
	back := take()
	decode[api.Request](t, o.do(back.status+"/withdraw", struct{}{}), 200)
	down := take()
	if _, err := o.client().Reject(t.Context(), down.id, "Who are you?"); err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]api.Status{"taken back": back.state(), "turned the transfer down": down.state()} {
		if !strings.Contains(s.Summary, "stays its former owner's") || !strings.Contains(s.Summary, what) || s.Owner && s.Server != nil {
			t.Errorf("%s: %+v", what, s)
		}
	}
	if s := o.state(); !s.Owner || s.Server == nil || !s.Listing.Listed {
		t.Errorf("the owner sees %+v", s)
	}
}
