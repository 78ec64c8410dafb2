package root_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/examine"
	"github.com/signed-metaserver/metaserver/root/setup"
)

// headerTimeout is how long roots wait that are to meet a slow sender. Others wait
// as long as a root does, so that nobody is taken for slow on a busy machine.
const headerTimeout = 2 * time.Second

func TestRegister(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.get("/server.list").body
	a := w.post(request(1))
	accepted := decode[api.Accepted](t, a, 202)
	if accepted.ID == "" || accepted.Status != "pending" || !strings.HasPrefix(accepted.StatusURL, "/api/v1/registrations/"+accepted.ID+"/") {
		t.Fatalf("%+v", accepted)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Location") != accepted.StatusURL {
		t.Errorf("headers %v", a.header)
	}
	if secret := accepted.StatusURL[strings.LastIndexByte(accepted.StatusURL, '/')+1:]; len(secret) < 43 {
		t.Errorf("the status URL ends in %q, which can be guessed", secret)
	}
	a = w.get(accepted.StatusURL)
	status := decode[api.Status](t, a, 200)
	if status.ID != accepted.ID || status.Status != "pending" || status.Name != "Server 1" || status.Created.IsZero() {
		t.Errorf("%+v", status)
	}
	if strings.Contains(string(a.body), "@") {
		t.Errorf("the status shows the e-mail address: %s", a.body)
	}
	if !bytes.Equal(before, w.get("/server.list").body) {
		t.Error("the published list changed")
	}
	if got := w.snapshot().counts.Pending; got != 1 {
		t.Errorf("%d pending", got)
	}
}

func TestStatusIsUnguessable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.register(1), w.register(2)
	token := func(a api.Accepted) string { return a.StatusURL[strings.LastIndexByte(a.StatusURL, '/')+1:] }
	for _, path := range []string{
		"/api/v1/registrations/" + first.ID + "/" + token(second),
		"/api/v1/registrations/" + second.ID + "/" + token(first),
		"/api/v1/registrations/r999/" + token(first),
		"/api/v1/registrations/" + first.ID + "/" + strings.Repeat("A", 43),
		"/api/v1/registrations/" + first.ID + "/" + token(first)[:42],
		"/api/v1/registrations/" + first.ID + "/" + token(first) + "A",
		"/api/v1/registrations/" + first.ID + "/'%20OR%201=1--",
	} {
		w.get(path).problem(t, 404)
	}
	if strings.Contains(w.log.String(), token(first)) {
		t.Error("the log holds a status token")
	}
}

func TestStatusURLWithPublicURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.PublicURL = "https://ms.example.org/dir" })
	accepted := w.register(1)
	path, ok := strings.CutPrefix(accepted.StatusURL, "https://ms.example.org/dir/")
	if !ok {
		t.Fatalf("status URL %q", accepted.StatusURL)
	}
	decode[api.Status](t, w.get("/"+path), 200)
}

// TestBadRegistrations sends what must be refused, over a real connection, and
// looks whether anything changed.
func TestBadRegistrations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.snapshot()
	const path = "/api/v1/registrations"
	good := `"name":"x","address":"a.example.net:1","game":"crossfire","email":"a@example.org","description":"x"`
	const mib = 1 << 20
	for _, tc := range []struct {
		name   string
		typ    string // "": application/json
		body   string
		status int
		fields string
		says   string
	}{
		{"empty", "", "", 400, "", "empty"},
		{"cut off", "", `{"name":"x`, 400, "", "line 1"},
		{"array", "", `[]`, 400, "", "object"},
		{"null", "", `null`, 400, "", "object"},
		{"two values", "", `{` + good + `}{}`, 400, "", "line 1"},
		{"not UTF-8", "", "{" + good + ",\"region\":\"\xff\"}", 400, "", "UTF-8"},
		{"no members", "", `{}`, 422, "name description game email address", ""},
		{"unknown member", "", `{` + good + `,"admin":true}`, 422, "admin", "members"},
		{"misspelt member", "", `{` + strings.Replace(good, "email", "Email", 1) + `}`, 422, "Email email", ""},
		{"wrong types", "", `{"name":1,"address":[],"game":{},"email":true,"description":null}`, 422, "name address game email description", ""},
		{"twice", "", `{` + good + `,"name":"y"}`, 422, "name", ""},
		{"lone surrogate", "", `{` + strings.Replace(good, `"x"`, `"\ud800"`, 1) + `}`, 422, "name", ""},
		{"control", "", `{` + strings.Replace(good, `"x"`, `"a\u0007"`, 1) + `}`, 422, "name", ""},
		{"bidi", "", `{` + strings.Replace(good, `"x"`, `"a\u202eb"`, 1) + `}`, 422, "name", ""},
		{"81 characters", "", `{` + strings.Replace(good, `"x"`, `"`+strings.Repeat("ä", 81)+`"`, 1) + `}`, 422, "name", ""},
		{"no port", "", `{` + strings.Replace(good, ":1\"", "\"", 1) + `}`, 422, "address", ""},
		{"1 MB description", "", `{` + strings.Replace(good, `"description":"x"`, `"description":"`+strings.Repeat("x", mib)+`"`, 1) + `}`, 413, "description", "16384"},
		{"1 MB of spaces", "", `{` + good + strings.Repeat(" ", mib) + `}`, 413, "", "16384"},
		{"3 MB description", "", `{"description":"` + strings.Repeat("x", 3*mib) + `"}`, 413, "", "16384"},
		{"1 MB cut off", "", `{"description":"` + strings.Repeat("x", mib), 400, "", "line 1"},
		{"form", "application/x-www-form-urlencoded", "name=x", 415, "", "application/json"},
		{"text", "text/plain", `{` + good + `}`, 415, "", "application/json"},
		{"multipart", "multipart/form-data; boundary=x", "--x--", 415, "", "application/json"},
		{"broken type", "application/json; =", `{` + good + `}`, 415, "", "application/json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			typ := tc.typ
			if typ == "" {
				typ = "application/json"
			}
			p := w.send(exchange{"POST", w.public + path, []string{"Content-Type: " + typ}, tc.body}).problem(t, tc.status)
			if fields(p) != tc.fields || !strings.Contains(p.Error(), tc.says) {
				t.Errorf("fields %q, want %q: %v", fields(p), tc.fields, p.Error())
			}
			if len(p.Error()) > 2000 {
				t.Errorf("the problem repeats what was sent: %d bytes", len(p.Error()))
			}
		})
	}
	w.send(exchange{"POST", w.public + path, []string{"Content-Type: application/json", "Content-Encoding: gzip"}, "x"}).problem(t, 415)
	if after := w.snapshot(); after != before {
		t.Errorf("something changed: %+v", after.counts)
	}
}

// TestManyMembers sends as much that is wrong as fits into a body.
func TestManyMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 100_000
	var unknown strings.Builder
	for i := range n {
		fmt.Fprintf(&unknown, `,"m%d":1`, i)
	}
	for name, body := range map[string]string{
		"unknown members": "{" + unknown.String()[1:] + "}",
		"addresses":       `{"addresses":["x"` + strings.Repeat(`,"x"`, n) + `]}`,
		"tags":            `{"tags":["\u0000"` + strings.Repeat(`,"\u0000"`, n) + `]}`,
		"endpoints":       `{"endpoints":[{}` + strings.Repeat(`,{}`, n) + `]}`,
		"fits the cap":    `{"addresses":["x"` + strings.Repeat(`,"x"`, 3000) + `]}`,
	} {
		a := w.send(exchange{"POST", w.public + "/api/v1/registrations", []string{"Content-Type: application/json"}, body})
		var p api.Problem
		if err := json.Unmarshal(a.body, &p); err != nil || a.status < 400 || len(p.Errors) == 0 || len(p.Errors) > 30 || len(a.body) > 16<<10 {
			t.Errorf("%s: status %d, %d errors in %d bytes", name, a.status, len(p.Errors), len(a.body))
		}
	}
}

// TestChunkedBodyIsLimited sends a body without a length that has no end.
func TestChunkedBodyIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	req, err := http.NewRequest("POST", w.public+"/api/v1/registrations", io.MultiReader(strings.NewReader(`{"name":"`), endless{}))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.http.Do(req)
	if err != nil {
		return // the connection was ended while this side was still sending: as good an answer
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// TestSlowHeader holds a connection open without finishing the request.
func TestSlowHeader(t *testing.T) {
	t.Parallel()
	w := serveTuned(t, newData(t), func(r *root.Root) { root.SetHeaderTimeout(r, headerTimeout) })
	var conns []net.Conn
	for _, base := range []string{w.public, w.admin} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "GET /server.list HTTP/1.1\r\nHost: x\r\nX-Slow: ")
		conns = append(conns, conn)
	}
	for _, conn := range conns {
		if _, err := io.ReadAll(conn); err != nil { // ends when the root gives the connection up
			t.Errorf("%s: %v", conn.RemoteAddr(), err)
		}
	}
}

// TestLargeHeader: net/http answers before any handler, in plain text; the
// description of the API says so.
func TestLargeHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if a := w.get("/server.list", "X-Large: "+strings.Repeat("x", 64<<10)); a.status != 431 {
		t.Errorf("status %d", a.status)
	}
}

func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	req := request(1)
	req.Address = "127.0.0.1:13327"
	decode[api.Accepted](t, w.post(req), 202)
	before := w.snapshot()
	for _, header := range []string{"X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "X-Real-IP: 192.0.2.1", "Via: 1.1 proxy", "Via: "} {
		for _, address := range []string{"127.0.0.1:1", "10.0.0.1:1", "[::1]:1", "localhost:1"} {
			req := request(2)
			req.Address = address
			p := w.post(req, header).problem(t, 422)
			if fields(p) != "address" {
				t.Errorf("%s %s: %v", header, address, p.Error())
			}
		}
	}
	if w.snapshot() != before {
		t.Error("something changed")
	}

	open := newWorld(t, func(c *config.Config) { c.AllowPrivate = true })
	req.Address = "192.168.1.1:13327"
	decode[api.Accepted](t, open.post(req, "Via: 1.1 proxy"), 202)
}

// TestFlood fills the queue and goes on.
func TestFlood(t *testing.T) {
	t.Parallel()
	const queue, more = 20, 30
	w := newWorld(t, func(c *config.Config) { c.Queue = queue })
	list := w.get("/server.list").body
	for n := range queue {
		w.register(n)
	}
	full := w.snapshot()
	for n := range more {
		a := w.post(request(queue + n))
		a.problem(t, 429)
		checkRetryAfter(t, a)
	}
	if after := w.snapshot(); after != full || after.counts.Pending != queue {
		t.Errorf("%d pending", after.counts.Pending)
	}
	if !bytes.Equal(list, w.get("/server.list").body) {
		t.Error("the published list changed")
	}
	// What waits already may be sent again: it takes no further place.
	decode[api.Accepted](t, w.post(request(0)), 202)
	// A decision makes room for exactly one.
	pending, err := w.client().Pending(t.Context())
	if err != nil || len(pending) != queue {
		t.Fatalf("%d pending: %v", len(pending), err)
	}
	if _, err := w.client().Reject(t.Context(), pending[3].ID, "spam"); err != nil {
		t.Fatal(err)
	}
	w.register(queue)
	w.post(request(queue+1)).problem(t, 429)
}

func checkRetryAfter(t *testing.T, a answer) {
	t.Helper()
	if n, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || n < 1 {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
}

func TestPerSourceLimit(t *testing.T) {
	t.Parallel()
	const limit = 3
	w := newWorld(t, func(c *config.Config) { c.PerSource = limit })
	// This machine is exempt.
	for n := range limit + 2 {
		w.register(n)
	}
	// What a proxy on it passed on is not, whatever it says about its sender.
	proxied := newWorld(t, func(c *config.Config) { c.PerSource = limit })
	for n := range limit {
		decode[api.Accepted](t, proxied.post(request(n), "X-Forwarded-For: 192.0.2."+strconv.Itoa(n)), 202)
	}
	before := proxied.snapshot()
	for n, header := range []string{"X-Forwarded-For: 198.51.100.1", "Forwarded: for=198.51.100.1", "X-Real-IP: 198.51.100.1", "Via: 1.1 x"} {
		a := proxied.post(request(100+n), header)
		a.problem(t, 429)
		checkRetryAfter(t, a)
	}
	if proxied.snapshot() != before {
		t.Error("something changed")
	}
	// Nor is it where the configuration says so.
	limited := newWorld(t, func(c *config.Config) { c.PerSource, c.LimitLoopback = limit, true })
	for n := range limit {
		limited.register(n)
	}
	limited.post(request(limit)).problem(t, 429)
	// And it may be unlimited for all.
	unlimited := newWorld(t, func(c *config.Config) { c.PerSource, c.LimitLoopback = -1, true })
	for n := range config.DefaultPerSource + 1 {
		unlimited.register(n)
	}
}

// TestRequestRate sends bad requests, which take no place in the queue, faster
// than one source may.
func TestRequestRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, frozen)
	refused := 0
	for range 2 * root.RequestBurst {
		a := w.send(exchange{"POST", w.public + "/api/v1/registrations", []string{"Via: 1.1 x", "Content-Type: application/json"}, "{"})
		if a.status == 429 {
			checkRetryAfter(t, a)
			refused++
		}
	}
	if refused == 0 {
		t.Error("none was refused for its rate")
	}
	w.register(1) // others are not held up
}

// TestTrustedProxy registers through a proxy on this machine that root.toml
// names.
func TestTrustedProxy(t *testing.T) {
	t.Parallel()
	dir := newData(t, func(c *setup.Config) { c.PublicURL = "https://ms.example.org/" })
	path := filepath.Join(dir, "root.toml")
	text := bytes.Replace(readFile(t, path), []byte("trusted_proxies = []"), []byte(`trusted_proxies = ["127.0.0.0/8", "::1"]`), 1)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	const limit = 3
	w := serveData(t, dir, func(c *config.Config) { c.PerSource = limit })
	send := func(n, status int, header ...string) {
		t.Helper()
		if a := w.post(request(n), header...); a.status != status {
			t.Errorf("request %d, %v: %d, want %d: %s", n, header, a.status, status, a.body)
		}
	}
	for n := range limit {
		send(n, 202, "X-Forwarded-For: 203.0.113.66")
	}
	send(10, 429, "X-Forwarded-For: 203.0.113.66")
	send(10, 429, "X-Forwarded-For: 198.51.100.9, 203.0.113.66") // the first is the sender's word
	send(10, 202, "X-Forwarded-For: 198.51.100.7")               // a neighbour behind the same proxy
	for n := range limit {
		send(20+n, 202) // a proxy that adds nothing: all of it counts as the proxy's
	}
	send(30, 429)
	send(30, 429, "X-Forwarded-For: nonsense")

	private := request(40)
	private.Address = "192.168.1.1:13327"
	for _, header := range [][]string{nil, {"X-Forwarded-For: 198.51.100.8"}, {"X-Forwarded-For: 127.0.0.1"}} {
		if p := w.post(private, header...).problem(t, 422); fields(p) != "address" {
			t.Errorf("a private address, %v: %+v", header, p)
		}
	}
	review, err := w.client().Registration(t.Context(), "r4")
	if err != nil || review.Source != "198.51.100.7" {
		t.Errorf("the admin sees the source %q, %v", review.Source, err)
	}
	if strings.Contains(w.log.String(), "trusted_proxies") {
		t.Error("a warning although the proxy is named")
	}
}

// TestProxyIsMissedInTheConfiguration checks that whoever puts a proxy in front
// of the root is told to name it.
func TestProxyIsMissedInTheConfiguration(t *testing.T) {
	t.Parallel()
	w := serveData(t, newData(t, func(c *setup.Config) { c.PublicURL = "https://ms.example.org/" }))
	if log := w.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, "trusted_proxies = [") {
		t.Errorf("no warning in the log:\n%s", log)
	}
	report, err := examine.Describe(t.Context(), w.dir, time.Now())
	if err != nil || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;") {
		t.Errorf("%q, %v", report.Warnings, err)
	}
	without := newWorld(t)
	report, err = examine.Describe(t.Context(), without.dir, time.Now())
	if err != nil || len(report.Warnings) != 0 || strings.Contains(without.log.String(), "trusted_proxies") {
		t.Errorf("a warning without a public URL: %q, %v", report.Warnings, err)
	}
}
