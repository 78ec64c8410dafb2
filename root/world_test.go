package root_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/setup"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/store/storetest"
	"github.com/signed-metaserver/metaserver/serverlist"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childData); dir != "" {
		serveAsChild(dir)
		return
	}
	if dir := os.Getenv(bareFolder); dir != "" {
		serveBare(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

const origin = "ms.example.org"

// A world is a root that serves on loopback, on a data folder of its own.
type world struct {
	t      testing.TB
	dir    string // the data folder
	pid    int    // of the process; 0: this one
	public string // base URL, without the slash
	admin  string
	token  string
	log    *lockedBuffer
	http   *http.Client
	stop   func()
}

// newData makes a data folder.
func newData(t testing.TB, change ...func(*setup.Config)) string {
	t.Helper()
	cfg := setup.Config{Data: filepath.Join(t.TempDir(), "data"), Origin: origin}
	for _, c := range change {
		c(&cfg)
	}
	if _, err := setup.Init(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return cfg.Data
}

// newWorld serves a new root until the test ends.
func newWorld(t testing.TB, change ...func(*config.Config)) *world {
	t.Helper()
	return serveData(t, newData(t), change...)
}

// serveData serves an existing root until stop is called or the test ends.
func serveData(t testing.TB, dir string, change ...func(*config.Config)) *world {
	t.Helper()
	return serveTuned(t, dir, func(*root.Root) {}, change...)
}

// serveTuned does the same with a root that tune has changed.
func serveTuned(t testing.TB, dir string, tune func(*root.Root), change ...func(*config.Config)) *world {
	t.Helper()
	w := &world{t: t, dir: dir, log: new(lockedBuffer), http: &http.Client{Transport: described{&http.Transport{DisableCompression: true}}}}
	cfg, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan [2]net.Addr, 1)
	cfg.CheckOff = true
	cfg.InspectOff = true // the names in requests are nobody's
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Ready = func(public, admin net.Addr) { ready <- [2]net.Addr{public, admin} }
	for _, c := range change {
		c(&cfg)
	}
	cfg.Log = slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: cfg.LogLevel}))
	r, err := root.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tune(r)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(r.Run(ctx), r.Close()) }()
	select {
	case addrs := <-ready:
		w.public, w.admin = "http://"+addrs[0].String(), "http://"+addrs[1].String()
	case err := <-ended:
		t.Fatalf("the root does not serve: %v", err)
	}
	w.stop = onceOnly(func() {
		w.http.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the root ended with %v", err)
		}
	})
	t.Cleanup(w.stop)
	w.token = strings.TrimSpace(string(readFile(t, filepath.Join(dir, "admin.token"))))
	if cfg.PublicURL != "" && cfg.TLS == nil { // it lists itself with its first edition, soon after the start
		w.until("list itself", func() bool { return bytes.Contains(w.get("/mirror.list").body, []byte(`"root":true`)) })
	}
	return w
}

// frozen stops the clock of a root, so that no limit gives more the longer a test
// takes.
func frozen(c *config.Config) {
	now := time.Now()
	c.Now = func() time.Time { return now }
}

func onceOnly(f func()) func() {
	done := false
	return func() {
		if !done {
			done = true
			f()
		}
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// client returns the project's own client for the admin listener.
func (w *world) client() *api.Client {
	return &api.Client{Root: w.admin, Token: w.token, HTTP: w.http}
}

// An exchange is a request as a test writes it, and its answer.
type exchange struct {
	method, url string
	header      []string // "Name: value"
	body        string
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request as it is written: no path is cleaned.
func (w *world) send(e exchange) answer {
	w.t.Helper()
	req, err := http.NewRequest(e.method, e.url, strings.NewReader(e.body))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range e.header {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		} else {
			req.Header.Add(name, value)
		}
	}
	resp, err := w.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, body}
}

func (w *world) get(path string, header ...string) answer {
	w.t.Helper()
	return w.send(exchange{"GET", w.public + path, header, ""})
}

// post sends JSON to the public listener.
func (w *world) post(body any, header ...string) answer {
	w.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.send(exchange{"POST", w.public + "/api/v1/registrations", append(header, "Content-Type: application/json"), string(data)})
}

// ask sends JSON to the admin listener, with the token.
func (w *world) ask(method, path, body string, header ...string) answer {
	w.t.Helper()
	return w.send(exchange{method, w.admin + "/api/v1/admin" + path,
		append(header, "Content-Type: application/json", "Authorization: Bearer "+w.token), body})
}

// problem checks that an answer is a problem document of this status.
func (a answer) problem(t testing.TB, status int) api.Problem {
	t.Helper()
	var p api.Problem
	if a.status != status || a.header.Get("Content-Type") != api.ProblemType {
		t.Fatalf("status %d, type %q; want a problem %d: %s", a.status, a.header.Get("Content-Type"), status, a.body)
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	if p.Status != status || p.Title != http.StatusText(status) || p.Type != "about:blank" || p.Detail == "" {
		t.Fatalf("problem %+v", p)
	}
	return p
}

// fields returns the names of the members that a problem names.
func fields(p api.Problem) string {
	var names []string
	for _, f := range p.Errors {
		names = append(names, f.Field)
	}
	return strings.Join(names, " ")
}

func decode[T any](t testing.TB, a answer, status int) T {
	t.Helper()
	var v T
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return v
}

// open verifies and reads a served list.
func (w *world) open(path, typ string) *serverlist.List {
	w.t.Helper()
	for {
		chain := w.chain()
		l, err := serverlist.Open(w.get(path).body, serverlist.Want{Origin: origin, Type: typ}, chain)
		if err == nil {
			return l
		}
		if w.chain().Newest().Version == chain.Newest().Version { // else there is a new document since, with a list under it
			w.t.Fatal(err)
		}
	}
}

// chain walks the trust documents that are served.
func (w *world) chain() *keys.Chain {
	w.t.Helper()
	chain, err := keys.NewChain(w.get("/trust/1.trust").body)
	for n := 2; err == nil; n++ {
		a := w.get(fmt.Sprintf("/trust/%d.trust", n))
		if a.status == http.StatusNotFound {
			return chain
		}
		chain, err = chain.Extend(a.body)
	}
	w.t.Fatal(err)
	return nil
}

func request(n int) api.RegistrationRequest {
	return api.RegistrationRequest{
		Name:        fmt.Sprintf("Server %d", n),
		Address:     fmt.Sprintf("s%d.example.net:13327", n),
		Game:        "crossfire",
		Email:       fmt.Sprintf("admin%d@example.org", n),
		Description: "A server",
	}
}

// register registers server n and returns the answer.
func (w *world) register(n int) api.Accepted {
	w.t.Helper()
	return decode[api.Accepted](w.t, w.post(request(n)), http.StatusAccepted)
}

// A snapshot is everything that bad input must leave alone.
type snapshot struct {
	counts    store.Counts
	done      int // records of what was done
	documents string
}

// snapshot reads the database through a connection of its own.
func (w *world) snapshot() snapshot {
	w.t.Helper()
	st, err := store.OpenSQLite(w.t.Context(), store.Config{Path: filepath.Join(w.dir, "root.db"), MustExist: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer st.Close()
	counts, err := st.Counts(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	s := snapshot{counts: counts, done: len(storetest.Recorded(w.t, st, 1000))}
	for _, name := range []string{"/server.list", "/mirror.list", "/trust/1.trust", "/trust/2.trust"} {
		s.documents += string(w.get(name).body)
	}
	return s
}

// A lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
