package requirements_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/mirror"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// url is the root's public URL.
func (r *rootNode) url() string { return r.Public.Root + "/" }

func newHTTP(t testing.TB) *http.Client {
	c := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// file returns what the root has published under a name.
func (r *rootNode) file(name string) []byte {
	r.t.Helper()
	return readFile(r.t, filepath.Join(r.data, "public", filepath.FromSlash(name)))
}

func (r *rootNode) pinned() []byte { return r.file("trust/1.trust") }

// list registers servers, approves them, and returns when the list has them.
func (r *rootNode) list(names ...string) {
	r.t.Helper()
	for _, name := range names {
		accepted, err := r.Public.Register(r.t.Context(), api.RegistrationRequest{
			Name: name, Address: name + ".example.net:13327", Game: "crossfire", Email: name + "@example.org", Description: "A server",
		})
		if err == nil {
			_, err = r.Admin.Approve(r.t.Context(), accepted.ID, api.Approval{})
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(patience); !r.lists(names); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("the list never had %q", names)
		}
	}
}

// lists tells whether the published list has entries of all the names.
func (r *rootNode) lists(names []string) bool {
	has := string(r.file("server.list"))
	for _, name := range names {
		if !strings.Contains(has, fmt.Sprintf("%q", name)) {
			return false
		}
	}
	return true
}

// mirrorTo returns a mirror of the root that publishes to a folder.
func (r *rootNode) mirrorTo(folder string) *mirror.Mirror {
	r.t.Helper()
	m, err := mirror.New(mirror.Config{Root: r.url(), Trust: r.pinned(), Targets: []mirror.Target{{Target: publish.Folder{Path: folder}}}})
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

// webSpace serves a folder as plain files over http, and changes the answers.
func webSpace(t testing.TB, folder string, change ...func(http.ResponseWriter)) *httptest.Server {
	t.Helper()
	files := http.FileServer(http.Dir(folder))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		for _, c := range change {
			c(w)
		}
		files.ServeHTTP(w, req)
	}))
	t.Cleanup(s.Close)
	return s
}

// player returns a client as a launcher has it.
func player(t testing.TB, cfg serverlist.Config) *serverlist.Client {
	t.Helper()
	cfg.AllowPrivate = true // all of this is on loopback
	cfg.HTTP = newHTTP(t)
	c, err := serverlist.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sees refreshes and checks what the player is shown: names, and where they are
// from.
func sees(t testing.TB, c *serverlist.Client, source serverlist.Source, names ...string) serverlist.Result {
	t.Helper()
	result, err := c.Refresh(t.Context())
	if result.List == nil {
		t.Fatalf("the player sees nothing: %v", err)
	}
	var got []string
	for _, s := range result.List.Servers {
		got = append(got, s.Name)
	}
	if strings.Join(got, " ") != strings.Join(names, " ") || result.Source != source {
		t.Errorf("the player sees %q from %s (%s), want %q from %s; %v", got, result.Source, result.From, names, source, err)
	}
	return result
}

// buildFolder is where the program is built; TestMain makes and removes it.
var buildFolder string

// program builds the real program, once.
var program = sync.OnceValues(func() (string, error) { return testenv.Build(buildFolder) })

// command runs the real program and returns its output.
func command(t testing.TB, args ...string) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("metaserver %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestMain(m *testing.M) {
	var err error
	if buildFolder, err = os.MkdirTemp("", "metaserver-requirements-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(buildFolder)
	os.Exit(code)
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func chainOf(t testing.TB, first []byte) *keys.Chain {
	t.Helper()
	chain, err := keys.NewChain(first)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}
