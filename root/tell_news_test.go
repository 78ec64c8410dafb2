package root_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

// A hookReceiver is a real HTTP server that takes what is signed.
type hookReceiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []notify.Message
}

func newHookReceiver(t *testing.T) *hookReceiver {
	r := new(hookReceiver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		var m notify.Message
		if err := notify.Verify(req.Header, "swordfish", time.Now(), body); err != nil || json.Unmarshal(body, &m) != nil {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, m)
	}))
	t.Cleanup(r.Close)
	return r
}

// event returns the messages of an event.
func (r *hookReceiver) event(name string) (all []notify.Message) {
	return slices.DeleteFunc(r.all(), func(m notify.Message) bool { return m.Event != name })
}

// all returns what it was sent so far.
func (r *hookReceiver) all() []notify.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// lettersWith returns those letters to somebody that have a text.
func lettersWith(server *testenv.MailServer, to, text string) []string {
	return slices.DeleteFunc(received(server, to), func(letter string) bool { return !strings.Contains(letter, text) })
}

func text(s string) func() (string, error) { return func() (string, error) { return s, nil } }

// newTellingWorld has a mail server and a receiver.
func newTellingWorld(t *testing.T, change ...func(*config.Config)) (*world, *testenv.MailServer, *hookReceiver) {
	t.Helper()
	telling, server, receiver := newTelling(t)
	return newWorld(t, append(change, telling)...), server, receiver
}

// newTelling returns a configuration with a mail server and a receiver.
func newTelling(t *testing.T) (func(*config.Config), *testenv.MailServer, *hookReceiver) {
	t.Helper()
	server, receiver := testenv.Mail(t, notify.NoTLS), newHookReceiver(t)
	return func(c *config.Config) {
		c.WatchOff, c.InspectOff = true, true
		c.Mail = &mail.Mail{Server: notify.Mail{Host: server.Address, TLS: notify.NoTLS, From: "ms@example.org"}, Admins: []string{"boss@example.org"}}
		c.Webhooks = []mail.Hook{{Name: "chat", Webhook: notify.Webhook{URL: text(receiver.URL), Secret: text("swordfish")}}}
	}, server, receiver
}

// TestPeopleAreTold: the requester of what becomes of the request, a program of
// everything, the admins of what waits for them; each once.
func TestPeopleAreTold(t *testing.T) {
	t.Parallel()
	w, server, receiver := newTellingWorld(t)
	c := w.client()
	one, two := w.register(1), w.register(2)
	w.ask("POST", "/messages/test", "") // wakes who looks for news
	until(t, "the summary", func() bool {
		return len(receiver.event("registration.arrived")) > 0 && len(lettersWith(server, "boss@example.org", "requests have arrived")) > 0
	})
	for _, to := range []string{"admin1@example.org", "admin2@example.org"} { // a request that is decided on is not confirmed any more
		until(t, "the confirmation to "+to, func() bool { return len(lettersWith(server, to, "has arrived")) > 0 })
	}
	if _, err := c.Approve(t.Context(), one.ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Reject(t.Context(), two.ID, "not a game server; ask help@example.org"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Revoke(t.Context(), "server-1", "gone for months"); err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{"registration.approved", "registration.rejected", "entry.revoked"} {
		until(t, event, func() bool { return len(receiver.event(event)) == 1 })
	}
	until(t, "five letters", func() bool {
		return len(received(server, "admin1@example.org"))+len(received(server, "admin2@example.org")) == 5
	})

	revoked := receiver.event("entry.revoked")[0]
	if revoked.Subject != "Server 1 is taken out of the list by an admin" || fmt.Sprint(revoked.Details) != "map[admin:admin entry:server-1 name:Server 1 reason:gone for months record:5 registration:r1]" {
		t.Errorf("%+v", revoked)
	}
	for to, letters := range map[string][]string{
		"admin1@example.org": {
			"Subject: [ms.example.org] request r1 has arrived\r\n;asked ms.example.org to list a game",
			"Subject: [ms.example.org] Server 1 is listed\r\n;server-1;s1.example.net:13327",
			"Subject: [ms.example.org] entry server-1 is taken out of the list\r\n;gone for months",
		},
		"admin2@example.org": {
			"Subject: [ms.example.org] request r2 has arrived\r\n",
			"Subject: [ms.example.org] request r2 is turned down\r\n;not a game server; ask help@example.org",
		},
		"boss@example.org": {"requests have arrived;metaserver admin pending"},
	} {
		got := received(server, to)
		for _, want := range letters {
			has := func(letter string) bool {
				return !slices.ContainsFunc(strings.Split(want, ";"), func(part string) bool { return !strings.Contains(letter, strings.TrimSpace(part)) })
			}
			if n := len(slices.Collect(filter(got, has))); n != 1 {
				t.Errorf("%d letters to %s with %q in\n%s", n, to, want, strings.Join(got, "\n---\n"))
			}
		}
	}
	for _, m := range receiver.all() {
		if data, _ := json.Marshal(m); strings.Contains(string(data), "@example.org") && m.Event != "registration.rejected" {
			t.Errorf("a program is told an address: %s", data)
		}
	}
	if log := w.log.String(); strings.Contains(log, "@example.org") {
		t.Errorf("a private address is in the log:\n%s", log)
	}
}

// TestMirrorsAreToldOf: admins and programs read what has arrived, with what it has
// in common with others, and programs read what was decided.
func TestMirrorsAreToldOf(t *testing.T) {
	t.Parallel()
	telling, server, receiver := newTelling(t)
	dir := newData(t)
	st, err := store.OpenSQLite(t.Context(), store.Config{Path: filepath.Join(dir, "root.db")})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"wien", "graz"} { // both are there when the root looks for news first
		m := serverlist.Mirror{ID: id, Operator: "TU", URLs: []string{"http://ms.example.at/"}}
		if _, err := st.RegisterMirror(t.Context(), store.MirrorRequest{Mirror: m, Email: id + "@example.org", Source: netip.MustParseAddr("192.0.2.1")}, store.Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	w := serveData(t, dir, telling)
	until(t, "the summary", func() bool {
		return len(receiver.event("registration.arrived")) == 1 && len(received(server, "boss@example.org")) == 1
	})
	summary := receiver.event("registration.arrived")[0].Subject + "\n" + receiver.event("registration.arrived")[0].Text
	for _, part := range []string{"2 mirrors, some in conflict with others", "m1  mirror wien  http://ms.example.at/", "m2  mirror graz", "! same url as request m1", "metaserver admin mirrors pending"} {
		if !strings.Contains(summary, part) {
			t.Errorf("the summary lacks %q:\n%s", part, summary)
		}
	}
	if _, err := w.client().ApproveMirror(t.Context(), "m1", api.MirrorApproval{Unchecked: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client().RejectMirror(t.Context(), "m2", "not yours"); err != nil {
		t.Fatal(err)
	}
	for event, want := range map[string]string{
		"mirror.approved": "mirror wien is accepted; map[admin:admin mirror:wien record:2 registration:m1]",
		"mirror.rejected": "request m2 of a mirror is turned down; map[admin:admin reason:not yours record:3 registration:m2]",
	} {
		until(t, event, func() bool { return len(receiver.event(event)) == 1 })
		if m := receiver.event(event)[0]; fmt.Sprint(m.Subject, "; ", m.Details) != want {
			t.Errorf("%s: %+v", event, m)
		}
	}
}

func filter(all []string, keep func(string) bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, s := range all {
			if keep(s) && !yield(s) {
				return
			}
		}
	}
}

// TestFormIsNoMailBomb: many requests in somebody's name from many places make a
// few letters to them, and one to the admins.
func TestFormIsNoMailBomb(t *testing.T) {
	t.Parallel()
	w, server, receiver := newTellingWorld(t)
	for i := range 60 {
		req := request(i)
		req.Email = "victim@example.net"
		decode[api.Accepted](t, w.post(req), http.StatusAccepted)
	}
	w.ask("POST", "/messages/test", "") // wakes who looks for news
	until(t, "the test", func() bool { return len(receiver.event("test")) == 1 })
	told := func() bool {
		st, err := store.OpenSQLite(t.Context(), store.Config{Path: filepath.Join(w.dir, "root.db"), MustExist: true})
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		told, newest, err := st.Told(t.Context())
		counts, countErr := st.Counts(t.Context())
		return err == nil && countErr == nil && told.Registrations == newest.Registrations && counts.Messages == 0
	}
	until(t, "all are told", told)
	if n := len(received(server, "victim@example.net")); n == 0 || n > store.MaxPerRecipient {
		t.Errorf("%d letters to the victim", n)
	}
	var summaries int
	for _, letter := range received(server, "boss@example.org") {
		if strings.Contains(letter, "arrived") {
			summaries++
		}
	}
	if summaries != 1 {
		t.Errorf("%d summaries within ten minutes", summaries)
	}
}

// TestTestMessages: an admin sees whether messages arrive.
func TestTestMessages(t *testing.T) {
	t.Parallel()
	w, server, receiver := newTellingWorld(t)
	sent, err := w.client().TestMessages(t.Context())
	if err != nil || sent.Messages != 2 {
		t.Fatalf("%+v, %v", sent, err)
	}
	until(t, "the test", func() bool { return len(receiver.event("test")) == 1 && len(received(server, "boss@example.org")) == 1 })
	for _, m := range w.sentMessages(2) {
		if m.Error != "" || m.Event != "test" || (m.Channel == "") == (m.Recipient == "") {
			t.Errorf("%+v", m)
		}
	}
	none := newWorld(t)
	if p := none.ask("POST", "/messages/test", "").problem(t, http.StatusConflict); !strings.Contains(p.Detail, "nobody to write to") {
		t.Errorf("%+v", p)
	}
}

// TestOwnersAreTold: of what is done to their entry, by whoever, and in the
// words that the admin wrote.
func TestOwnersAreTold(t *testing.T) {
	t.Parallel()
	w, server, receiver := newTellingWorld(t)
	c := w.client()
	one := w.register(1)
	if _, err := c.Approve(t.Context(), one.ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	moved := request(1)
	moved.Address = "elsewhere.example.net:13327"
	moved.Email = "admin1@example.org"
	id := decode[api.Accepted](t, w.post(moved), http.StatusAccepted).ID
	if _, err := c.Approve(t.Context(), id, api.Approval{EntryID: "server-1", Replace: true}); err != nil {
		t.Fatal(err)
	}
	w.ask("POST", "/entries/server-1/suspend", `{"reason":"under attack, see https://example.org/"}`)
	until(t, "suspended", func() bool { return len(receiver.event("entry.suspended")) == 1 })
	w.ask("POST", "/entries/server-1/resume", `{"reason":"over"}`)
	until(t, "resumed", func() bool { return len(receiver.event("entry.resumed")) == 1 })
	want := []string{"is listed", "Server 1 is listed", "entry server-1 is suspended", "under attack, see https://example.org/", "entry server-1 is listed again"}
	for _, part := range want {
		until(t, part, func() bool { return strings.Contains(strings.Join(received(server, "admin1@example.org"), "\n"), part) })
	}
	if n := len(receiver.event("registration.approved")); n != 2 {
		t.Errorf("%d approvals are told of, want 2", n)
	}
}

// TestMoveAndTransferAreTold: the owner reads that the entry has moved, and when
// it has another owner both read of it.
func TestMoveAndTransferAreTold(t *testing.T) {
	t.Parallel()
	w, server, receiver := newTellingWorld(t)
	o := w.owner(1)
	w.approve(o.id)
	moved := decode[api.Request](t, w.do(o.status+"/edit", o.edited(func(e *api.Edit) { e.Addresses = []string{"moved.example.net:1"} })), 202)
	w.approve(moved.ID)
	until(t, "moved", func() bool { return len(receiver.event("entry.moved")) == 1 })
	offer := decode[api.Offered](t, w.do(o.status+"/transfer", api.Offer{Email: "new@example.org"}), 200)
	w.approve(decode[api.Accepted](t, w.do(offer.URL, api.TakeOver{Email: "new@example.org"}), 202).ID)
	until(t, "transferred", func() bool { return len(receiver.event("entry.transferred")) == 1 })
	for to, parts := range map[string][]string{
		"admin1@example.org": {"entry server-1 has changed", "moved.example.net:1", "entry server-1 has another owner"},
		"new@example.org":    {"entry server-1 is yours"},
	} {
		for _, part := range parts {
			until(t, part, func() bool { return strings.Contains(strings.Join(received(server, to), "\n"), part) })
		}
	}
	if details := fmt.Sprint(receiver.event("entry.transferred")[0].Details); strings.Contains(details, "@") || strings.Contains(details, "reason") {
		t.Errorf("a program is told %s", details)
	}
}

// TestNewsSurviveTheEnd: what was decided when nobody could be told is told when
// the root runs again, and once.
func TestNewsSurviveTheEnd(t *testing.T) {
	t.Parallel()
	server := testenv.Mail(t, notify.NoTLS)
	dir := newData(t)
	mailed := func(c *config.Config) {
		c.WatchOff, c.InspectOff = true, true
		c.Mail = &mail.Mail{Server: notify.Mail{Host: server.Address, TLS: notify.NoTLS, From: "ms@example.org"}}
	}
	st, err := store.OpenSQLite(t.Context(), store.Config{Path: filepath.Join(dir, "root.db"), MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	reg, err := st.Register(t.Context(), store.Request{Server: serverlist.Server{Name: "Cat", Game: "g", Description: "d", Addresses: []string{"cat.example.net:1"}},
		Email: "cat@example.net", Source: netip.MustParseAddr("192.0.2.1")}, store.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Reject(t.Context(), reg.ID, "no such game", "alice"); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w := serveData(t, dir, mailed)
		until(t, "the letter", func() bool { return len(received(server, "cat@example.net")) > 0 })
		w.stop()
	}
	if got := received(server, "cat@example.net"); len(got) != 1 || !strings.Contains(got[0], "no such game") {
		t.Errorf("%d letters: %q", len(got), got)
	}
}
