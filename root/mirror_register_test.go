package root_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/serverlist"
)

func (w *world) postMirror(req any, header ...string) answer {
	w.t.Helper()
	data, err := json.Marshal(req)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.send(exchange{"POST", w.public + "/api/v1/mirrors", append(header, "Content-Type: application/json"), string(data)})
}

func mirrorRequest(change ...func(*api.MirrorRequest)) api.MirrorRequest {
	r := api.MirrorRequest{
		ID: "wien", Operator: "TU Wien", Contact: "irc", Email: "wien@example.org",
		URLs: []string{"http://ms.example.at/", "https://ms.example.at/"},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func TestMirrorRegistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	public := &api.Client{Root: w.public, HTTP: w.http}
	accepted, err := public.RegisterMirror(t.Context(), mirrorRequest())
	if err != nil || accepted.ID != "m1" || accepted.Status != "pending" || !strings.HasPrefix(accepted.StatusURL, w.public+"/api/v1/mirrors/m1/") {
		t.Fatalf("%+v, %v", accepted, err)
	}
	status, err := public.MirrorStatus(t.Context(), accepted.StatusURL)
	if err != nil || status.Status != "pending" || status.Mirror != "wien" || status.InList || status.State != "" {
		t.Errorf("%+v, %v", status, err)
	}
	if all := w.open("/mirror.list", serverlist.TypeMirrorList).Mirrors; len(all) != 0 {
		t.Errorf("a request has reached the list: %+v", all)
	}
	pending, err := c.PendingMirrors(t.Context())
	if err != nil || len(pending) != 1 || pending[0].Email != "wien@example.org" || len(pending[0].Conflicts) != 0 {
		t.Errorf("%+v, %v", pending, err)
	}
	if _, err := c.ApproveMirror(t.Context(), "m1", api.MirrorApproval{Revision: 1, Unchecked: true}); err != nil {
		t.Fatal(err)
	}
	if all := w.open("/mirror.list", serverlist.TypeMirrorList).Mirrors; len(all) != 1 || all[0].ID != "wien" || len(all[0].URLs) != 2 {
		t.Errorf("list %+v", all)
	}
	if body := w.get("/mirror.list").body; strings.Contains(string(body), "wien@example.org") {
		t.Error("the e-mail address is in the list")
	}
	status, err = public.MirrorStatus(t.Context(), accepted.StatusURL)
	if err != nil || status.Status != "approved" || !status.InList || status.State == "" || status.Decided == nil {
		t.Errorf("%+v, %v", status, err)
	}
	w.send(exchange{"GET", accepted.StatusURL[:len(accepted.StatusURL)-1] + "_", nil, ""}).problem(t, http.StatusNotFound)
}

func TestMirrorRegistrationRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.snapshot()
	at := func(urls ...string) func(*api.MirrorRequest) { return func(r *api.MirrorRequest) { r.URLs = urls } }
	for name, tc := range map[string]struct {
		change func(*api.MirrorRequest)
		fields string
	}{
		"no id":         {func(r *api.MirrorRequest) { r.ID = "" }, "id"},
		"id":            {func(r *api.MirrorRequest) { r.ID = "TU Wien" }, "id"},
		"root":          {func(r *api.MirrorRequest) { r.ID = "root" }, "id"},
		"no operator":   {func(r *api.MirrorRequest) { r.Operator = " " }, "operator"},
		"bidi operator": {func(r *api.MirrorRequest) { r.Operator = "a\u202eb" }, "operator"},
		"no e-mail":     {func(r *api.MirrorRequest) { r.Email = "" }, "email"},
		"e-mail":        {func(r *api.MirrorRequest) { r.Email = "A <a@example.org>" }, "email"},
		"no url":        {at(), "urls"},
		"ftp":           {at("ftp://example.org/"), "urls[0]"},
		"port":          {at("http://example.org:99999/"), "urls[0]"},
		"loopback":      {at("http://ms.example.at/", "http://127.0.0.1/"), "urls[1]"},
		"private":       {at("http://10.0.0.1:8080/"), "urls[0]"},
		"IPv6":          {at("http://[::1]/"), "urls[0]"},
		"NAT64":         {at("http://[64:ff9b::7f00:1]/"), "urls[0]"},
		"local name":    {at("http://localhost/"), "urls[0]"},
		"local domain":  {at("http://printer.local/"), "urls[0]"},
		"metadata":      {at("http://169.254.169.254/latest/"), "urls[0]"},
		"twice":         {at("http://a.example/", "http://a.example/"), "urls[1]"},
		"nine":          {at(strings.Split(strings.Repeat("http://a.example/ ", 9), " ")[:9]...), "urls[1] urls[2] urls[3] urls[4] urls[5] urls[6] urls[7] urls[8]"},
		"password":      {at("http://user:secret@a.example/"), "urls[0]"},
	} {
		p := w.postMirror(mirrorRequest(tc.change), "X-Forwarded-For: 198.51.100.1").problem(t, http.StatusUnprocessableEntity)
		if got := fields(p); got != tc.fields {
			t.Errorf("%s: fields %q, want %q: %+v", name, got, tc.fields, p.Errors)
		}
	}
	w.postMirror(map[string]any{"id": "a", "root": true}).problem(t, http.StatusUnprocessableEntity)
	w.postMirror("x").problem(t, http.StatusBadRequest)
	w.postMirror(map[string]any{"id": strings.Repeat("x", 20<<10)}).problem(t, http.StatusRequestEntityTooLarge)
	if after := w.snapshot(); after != before {
		t.Errorf("what was refused changed something: %+v", after)
	}
	// This machine may register what is private, as for servers.
	decode[api.Accepted](t, w.postMirror(mirrorRequest(at("http://127.0.0.1:8080/"))), http.StatusAccepted)
}

func TestMirrorRegistrationLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.PerSource, c.LimitLoopback = 2, true })
	for _, id := range []string{"a", "b", "a"} {
		r := mirrorRequest(func(r *api.MirrorRequest) { r.ID = id })
		decode[api.Accepted](t, w.postMirror(r), http.StatusAccepted)
	}
	p := w.postMirror(mirrorRequest()).problem(t, http.StatusTooManyRequests)
	if !strings.Contains(p.Detail, "2 registrations") {
		t.Error(p.Detail)
	}
}

// The root's own place is no mirror, however it is spelt.
func TestMirrorAtTheRoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.PublicURL = "http://ms.example.org/" })
	before := w.snapshot()
	for _, u := range []string{"http://ms.example.org/", "https://MS.example.org", "http://ms.example.org:80/server.list"} {
		p := w.ask("POST", "/mirrors", `{"id":"b","operator":"B","urls":["`+u+`"],"unchecked":true}`).problem(t, http.StatusUnprocessableEntity)
		if !strings.Contains(fields(p), "urls") || !strings.Contains(p.Errors[0].Problem, "the root's own") {
			t.Errorf("%s: %+v", u, p)
		}
		w.postMirror(mirrorRequest(func(r *api.MirrorRequest) { r.URLs = []string{u} })).problem(t, http.StatusUnprocessableEntity)
	}
	if after := w.snapshot(); after != before {
		t.Errorf("what was refused changed something: %+v", after)
	}
	decode[api.Accepted](t, w.postMirror(mirrorRequest(func(r *api.MirrorRequest) { r.URLs = []string{"http://ms.example.org/mirror/"} })), http.StatusAccepted)
}

func TestMirrorURLTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	if _, err := c.AddMirror(t.Context(), api.NewMirror{Unchecked: true, Mirror: api.Mirror{ID: "a", Operator: "A", URLs: []string{"http://a.example/ms/"}}}); err != nil {
		t.Fatal(err)
	}
	p := w.ask("POST", "/mirrors", `{"id":"b","operator":"B","urls":["https://a.example/ms/server.list"]}`).problem(t, http.StatusConflict)
	if fields(p) != "urls" || !strings.Contains(p.Detail, "mirror a") {
		t.Errorf("%+v", p)
	}
	decode[api.Accepted](t, w.postMirror(mirrorRequest(func(r *api.MirrorRequest) { r.URLs = []string{"http://a.example/ms/"} })), http.StatusAccepted)
	pending, err := c.PendingMirrors(t.Context())
	if err != nil || len(pending) != 1 || len(pending[0].Conflicts) != 1 || pending[0].Conflicts[0].Mirror != "a" {
		t.Errorf("%+v, %v", pending, err)
	}
	w.ask("POST", "/mirror-registrations/m1/approve", "").problem(t, http.StatusConflict)
}
