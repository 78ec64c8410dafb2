package root_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
)

// A blocked request is told so, in the words that the admin chose, and nothing
// of it is stored.
func TestBlockedRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.TrustedProxies = []string{"127.0.0.1"} })
	c := w.client()
	decode[api.Accepted](t, w.post(named("Casino early"), "X-Forwarded-For: 198.51.100.1"), http.StatusAccepted)
	for _, b := range []api.NewBlock{
		{Value: "192.0.2.0/24", Reason: "a flood", Public: "write to abuse@example.org"},
		{Value: "spam.example", Reason: "advertisements"},
		{Value: "*casino*", Reason: "advertisements"},
	} {
		if _, err := c.AddBlock(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	p := w.post(named("Cat"), "X-Forwarded-For: 192.0.2.9").problem(t, http.StatusForbidden)
	if !strings.Contains(p.Detail, "write to abuse@example.org") || strings.Contains(p.Detail, "flood") {
		t.Errorf("a blocked source reads %q", p.Detail)
	}
	for what, req := range map[string]api.RegistrationRequest{
		"name":   named("The CASINO"),
		"e-mail": named("Dog", func(r *api.RegistrationRequest) { r.Email = "x@mail.spam.example" }),
		"host":   named("Dog", func(r *api.RegistrationRequest) { r.Address = "a.spam.example:1" }),
	} {
		p := w.post(req, "X-Forwarded-For: 198.51.100.1").problem(t, http.StatusForbidden)
		if strings.Contains(p.Detail, "advertisements") {
			t.Errorf("%s: the reason is for admins: %q", what, p.Detail)
		}
	}
	pending, err := c.Pending(t.Context())
	if err != nil || len(pending) != 1 || pending[0].Block == nil || pending[0].Block.Value != "*casino*" {
		t.Errorf("what waits: %+v, %v; want the early one, marked", pending, err)
	}
	blocks, err := c.Blocks(t.Context())
	if err != nil || len(blocks) != 3 || blocks[0].Refused != 1 || blocks[1].Refused != 2 || blocks[2].Refused != 1 {
		t.Errorf("blocks %+v, %v", blocks, err)
	}
	if text := string(w.send(exchange{"GET", w.admin + "/metrics", []string{"Authorization: Bearer " + w.token}, ""}).body); !strings.Contains(text, "metaserver_requests_blocked_total 4") {
		t.Error("the blocked requests are not counted")
	}
	if _, err := c.RemoveBlock(t.Context(), "b3"); err != nil {
		t.Fatal(err)
	}
	decode[api.Accepted](t, w.post(named("Casino"), "X-Forwarded-For: 198.51.100.1"), http.StatusAccepted)
}

// Mirrors are judged as servers are: by where a request comes from, and by what
// it asks for.
func TestBlockedMirrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.TrustedProxies = []string{"127.0.0.1"} })
	c := w.client()
	const from = "X-Forwarded-For: 198.51.100.1"
	asks := func(id string, change ...func(*api.MirrorRequest)) api.MirrorRequest {
		return mirrorRequest(append(change, func(r *api.MirrorRequest) { r.ID = id })...)
	}
	decode[api.Accepted](t, w.postMirror(asks("early", func(r *api.MirrorRequest) { r.Operator = "Casino" }), from), http.StatusAccepted)
	for _, value := range []string{"192.0.2.0/24", "spam.example", "*casino*", "url:*/trash/*"} {
		if _, err := c.AddBlock(t.Context(), api.NewBlock{Value: value, Reason: "advertisements", Public: "No advertisements."}); err != nil {
			t.Fatal(err)
		}
	}
	at := func(u string) func(*api.MirrorRequest) { return func(r *api.MirrorRequest) { r.URLs = []string{u} } }
	before := w.snapshot()
	for what, a := range map[string]answer{
		"source":   w.postMirror(asks("a"), "X-Forwarded-For: 192.0.2.9"),
		"address":  w.postMirror(asks("a", at("http://192.0.2.7:8080/")), from),
		"domain":   w.postMirror(asks("a", at("https://ms.spam.example/")), from),
		"pattern":  w.postMirror(asks("a", at("https://example.org/Trash/")), from),
		"operator": w.postMirror(asks("a", func(r *api.MirrorRequest) { r.Operator = "The CASINO" }), from),
		"e-mail":   w.postMirror(asks("a", func(r *api.MirrorRequest) { r.Email = "x@mail.spam.example" }), from),
	} {
		if p := a.problem(t, http.StatusForbidden); !strings.Contains(p.Detail, "No advertisements.") {
			t.Errorf("%s: %q", what, p.Detail)
		}
	}
	if _, err := c.RegisterMirrorByAdmin(t.Context(), asks("a", at("https://ms.spam.example/"))); err == nil {
		t.Error("an admin's request is judged otherwise")
	}
	if w.snapshot() != before {
		t.Error("something was stored")
	}
	decode[api.Accepted](t, w.postMirror(asks("a"), from), http.StatusAccepted)
	pending, err := c.PendingMirrors(t.Context())
	if err != nil || len(pending) != 2 || pending[0].Block == nil || pending[0].Block.Value != "*casino*" || pending[1].Block != nil {
		t.Errorf("what waits: %+v, %v; want the early one, marked", pending, err)
	}
}

func TestBlocksAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for body, member := range map[string]string{
		`{"value":"0.0.0.0/0","reason":"x"}`:                                       "value",
		`{"value":"spam.example"}`:                                                 "reason",
		`{"value":"spam.example","reason":"x","ends":"2001-01-01T00:00:00Z"}`:      "ends",
		`{"value":"spam.example","reason":"x","public":"\u001b[2J"}`:               "public",
		`{"value":"spam.example","reason":"x","kind":"colour"}`:                    "value",
		`{"value":"spam.example","reason":"x","ends":"tomorrow"}`:                  "ends",
		`{"value":"spam.example","reason":"x","ends":"9999-12-31T23:59:59-01:00"}`: "ends",
	} {
		if p := w.ask("POST", "/blocks", body).problem(t, http.StatusUnprocessableEntity); fields(p) != member {
			t.Errorf("%s: %+v", body, p.Errors)
		}
	}
	w.ask("DELETE", "/blocks/b9", "").problem(t, http.StatusNotFound)
	p := w.ask("POST", "/entries/server-1/suspend", `{"reason":"x","ends":"9999-12-31T23:59:59-01:00"}`).problem(t, http.StatusUnprocessableEntity)
	if fields(p) != "ends" {
		t.Errorf("a suspension until the year 10000: %+v", p.Errors)
	}
}

// named is a request for a server of this name.
func named(name string, change ...func(*api.RegistrationRequest)) api.RegistrationRequest {
	r := request(1)
	r.Name = name
	for _, c := range change {
		c(&r)
	}
	return r
}
