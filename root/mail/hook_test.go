package mail_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

// A receiver is a real HTTP server that checks what it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int // it answers; 0: 204
	got    []notify.Message
	ids    []string
}

func newReceiver(t *testing.T) *receiver {
	r := new(receiver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ids = append(r.ids, req.Header.Get("webhook-id"))
		var m notify.Message
		if err := notify.Verify(req.Header, "swordfish", time.Now(), body); err != nil || json.Unmarshal(body, &m) != nil || m.ID != req.Header.Get("webhook-id") {
			http.Error(w, fmt.Sprint(err), http.StatusUnauthorized)
			return
		}
		if r.status != 0 {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(r.status)
			return
		}
		r.got = append(r.got, m)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) hook(name string) mail.Hook {
	text := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	return mail.Hook{Name: name, Webhook: notify.Webhook{URL: text(r.URL + "/hook?token=s3cret"), Secret: text("swordfish")}}
}

func (o *outbox) putHook(t *testing.T, channel, key string) {
	t.Helper()
	m := store.Message{Key: key, Channel: channel, Event: "registration.approved", Subject: "S", Body: "B\n", Details: `{"entry":"cat"}`}
	if err := o.PutMessages(t.Context(), []store.Message{m}); err != nil {
		t.Fatal(err)
	}
}

func TestHook(t *testing.T) {
	t.Parallel()
	r, o := newReceiver(t), newOutbox(t)
	o.putHook(t, "chat", "k1")
	o.putHook(t, "chat", "k2")
	o.putHook(t, "gone", "k3")
	o.put(t, "a") // there is no mail server
	var log strings.Builder
	s := o.senderOf(t, mail.Config{Hooks: []mail.Hook{r.hook("chat")}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	r.answer(http.StatusFound)
	if err := s.Send(t.Context()); err == nil || !strings.Contains(err.Error(), "redirect") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a redirect: %v", err)
	}
	if len(r.ids) != 1 {
		t.Errorf("%d requests; after the first that failed there should be none", len(r.ids))
	}
	o.clock.Advance(time.Minute)
	r.answer(http.StatusInternalServerError)
	s.Send(t.Context())
	r.answer(0)
	o.clock.Advance(time.Hour)
	s.Send(t.Context())
	if len(r.got) != 2 || r.got[0].Event != "registration.approved" || r.got[0].Text != "B\n" || fmt.Sprint(r.got[0].Details) != "map[entry:cat]" {
		t.Errorf("the receiver got %+v", r.got)
	}
	seen := make(map[string]bool)
	for _, id := range r.ids {
		seen[id] = true
	}
	if len(seen) != 2 {
		t.Errorf("two messages had the ids %q", r.ids)
	}
	if n := o.waiting(t); n != 2 {
		t.Errorf("%d wait; want the two without a way", n)
	}
	o.clock.Advance(80 * time.Hour)
	s.Send(t.Context())
	all, err := o.Messages(t.Context(), 10)
	if err != nil || o.waiting(t) != 0 || !strings.Contains(all[0].Error, "given up: root.toml has no [mail]") ||
		!strings.Contains(all[1].Error, `given up: root.toml has no [[webhook]] of the name "gone"`) {
		t.Errorf("%+v, %v", all, err)
	}
	if text := log.String(); strings.Contains(text, "s3cret") || strings.Contains(text, "swordfish") || strings.Contains(text, "a@example.net") {
		t.Errorf("the log tells a secret:\n%s", text)
	}
	o.clock.Advance(31 * 24 * time.Hour)
	s.Send(t.Context())
	if all, err := o.Messages(t.Context(), 10); err != nil || len(all) != 0 {
		t.Errorf("old messages stay without [mail], too: %d, %v", len(all), err)
	}
}

// A receiver that is away holds up no other channel.
func TestHookHoldsUpNobody(t *testing.T) {
	t.Parallel()
	away, well, o, p := newReceiver(t), newReceiver(t), newOutbox(t), testenv.Mail(t, notify.STARTTLS)
	away.Close()
	testenv.StayClosed(t, away.Listener.Addr().String())
	var many []store.Message
	for i := range 60 { // more than a batch
		many = append(many, store.Message{Key: fmt.Sprint("a", i), Channel: "away"})
	}
	if err := o.PutMessages(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	o.putHook(t, "well", "w")
	o.put(t, "a")
	server := config(p)
	s := o.senderOf(t, mail.Config{Mail: &server, Hooks: []mail.Hook{away.hook("away"), well.hook("well")}})
	if err := s.Send(t.Context()); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%v", err)
	}
	if len(well.got) != 1 || len(p.Letters()) != 1 || o.waiting(t) != 60 {
		t.Errorf("%d posted, %d mailed, %d wait", len(well.got), len(p.Letters()), o.waiting(t))
	}
}

func TestHookWants(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		events, event string
		want          bool
	}{
		{"", "mirror.forked", true},
		{"mirror", "mirror.forked", true},
		{"mirror", "mirrors.ill", false},
		{"entry.revoked registration.approved", "registration.approved", true},
		{"entry.revoked", "entry", false},
	} {
		h := mail.Hook{Events: strings.Fields(tc.events)}
		if h.Wants(tc.event) != tc.want {
			t.Errorf("%q wants %s: %v", tc.events, tc.event, !tc.want)
		}
	}
	for name, hooks := range map[string][]mail.Hook{"twice": {{Name: "a"}, {Name: "a"}}, "lower-case": {{Name: "A b"}}} {
		if err := mail.CheckHooks(hooks); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
