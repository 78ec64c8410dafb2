package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// ownMounts tells the test binary that it runs where it may mount.
const ownMounts = "METASERVER_TEST_OWN_MOUNTS"

// TestMirrorFaults runs one root and a mirror of every kind of host, all
// of them real programs. Each mirror's job is then broken in every way that its
// host knows: the connection is cut, the job is killed, the disk is full, the
// password is wrong, the certificate has expired. Whatever happens, the host
// shows complete documents, each that was published, never older than before;
// a client always gets a live list; and the next good run puts things right.
func TestMirrorFaults(t *testing.T) {
	if os.Getenv(ownMounts) == "" {
		t.Parallel()
		runWithOwnMounts(t)
		return
	}
	w := newFaultWorld(t)
	hosts := []*faultHost{
		folderHost(w), ftpsHost(w), sftpHost(w), s3Host(w), webdavHost(w), gitHost(w), rsyncHost(w),
	}
	for _, h := range hosts {
		w.addMirror(h)
	}
	for range 2 { // what the second takes is measured: it has something to read back
		w.nextEdition()
		for _, h := range hosts {
			w.begin(h)
		}
	}
	for _, h := range hosts {
		for _, f := range h.faults() {
			w.try(h, f)
		}
	}
	w.logTable()
}

// runWithOwnMounts runs this test again in a mount namespace, so that every
// host gets a small disk that nobody else sees.
func runWithOwnMounts(t *testing.T) {
	testenv.NeedMounts(t)
	cmd := testenv.Command(t, "unshare", "--mount", os.Args[0], "-test.run=^TestMirrorFaults$", "-test.v")
	cmd.Env = append(os.Environ(), ownMounts+"=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// A faultHost is a place that a mirror publishes to, and what can go wrong
// there.
type faultHost struct {
	name   string
	url    string   // where players find it
	table  string   // its [[target]]
	config string   // file
	env    []string // of the job; nil: that of the test

	disk   string        // mounted for it alone
	room   int64         // bytes that a full disk leaves
	gate   *gate         // between the job and the host; nil: there is no network
	folder string        // without a network: where the job writes
	wrong  func() string // a table with a wrong password or key; nil: there is none
	twin   func() string // a table of a host whose certificate has expired, or whose key has changed; nil: there is none

	version int64 // of the server list it showed last
}

// A faultWorld is a root with a list of some hundred kilobytes, its admin, and
// the table of what was tried.
type faultWorld struct {
	t       *testing.T
	dir     string
	public  string
	trust   string // file
	chain   *keys.Chain
	user    *api.Client
	admin   *api.Client
	servers int
	known   map[string]bool // every list that the root has published
	version int64           // of its newest server list
	rows    [][]string
}

func newFaultWorld(t *testing.T) *faultWorld {
	dir, err := os.MkdirTemp("", "kinds-") // t.TempDir is closed to the users that servers run as
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w := &faultWorld{t: t, dir: dir, known: map[string]bool{}}
	data, empty := filepath.Join(w.dir, "D"), filepath.Join(w.dir, "empty")
	writeFile(t, empty, "")
	command(t, "root", "init", "--data", data, "--origin", "ms.example.org", "--passphrase-file", empty)
	public, admin, _ := serveRoot(t, data, empty)
	w.public, w.trust = public, filepath.Join(w.dir, "1.trust")
	writeFile(t, w.trust, string(readFile(t, filepath.Join(data, "public", "trust", "1.trust"))))
	if w.chain, err = keys.NewChain(readFile(t, w.trust)); err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(string(readFile(t, filepath.Join(data, "admin.token"))))
	w.user, w.admin = &api.Client{Root: public}, &api.Client{Root: admin, Token: token}
	for range 600 {
		w.listServer()
	}
	return w
}

// listServer registers and approves one more server.
func (w *faultWorld) listServer() {
	w.t.Helper()
	w.servers++
	accepted, err := w.user.Register(w.t.Context(), api.RegistrationRequest{
		Name: fmt.Sprintf("Server %d", w.servers), Address: fmt.Sprintf("play%d.example.net:13327", w.servers),
		Game: "crossfire", Email: "me@example.net", Description: strings.Repeat("All are welcome. ", 20),
	})
	if err == nil {
		_, err = w.admin.Approve(w.t.Context(), accepted.ID, api.Approval{})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// nextEdition returns when the root serves a server list with one more server.
func (w *faultWorld) nextEdition() {
	w.t.Helper()
	w.listServer()
	for {
		list := w.get(w.public+"/", publish.ServerList)
		l, err := serverlist.Open(list, serverlist.Want{Origin: w.chain.Origin(), Type: serverlist.TypeServerList}, w.chain)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(l.Servers) == w.servers {
			w.known[string(list)], w.version = true, l.Head.Version
			w.known[string(w.get(w.public+"/", publish.MirrorList))] = true
			return
		}
	}
}

func (w *faultWorld) addMirror(h *faultHost) {
	w.t.Helper()
	if _, err := w.admin.AddMirror(w.t.Context(), api.NewMirror{Unchecked: true, Mirror: api.Mirror{ID: h.name, Operator: "Operator of " + h.name, URLs: []string{h.url}}}); err != nil {
		w.t.Fatal(err)
	}
	h.config = filepath.Join(w.dir, h.name+".toml")
}

// begin publishes what the root has now.
func (w *faultWorld) begin(h *faultHost) {
	w.t.Helper()
	run := func() {
		if said := w.runWith(h, h.table); said != "" {
			w.t.Fatalf("%s: a run that nothing disturbs says %s", h.name, said)
		}
	}
	if h.gate != nil {
		h.gate.measure(run)
	} else {
		run()
	}
	w.look(h)
	if h.version != w.version {
		w.t.Fatalf("%s shows edition %d after the run, want %d", h.name, h.version, w.version)
	}
}

// try breaks the job while there is a new edition to publish, and mends it.
func (w *faultWorld) try(h *faultHost, f fault) {
	w.t.Helper()
	w.nextEdition()
	before := h.version
	said := f.run(w, h)
	if said == "" {
		w.t.Errorf("%s, %s: the job says that all is well", h.name, f.name)
	}
	w.look(h)
	shows := "the older set"
	if h.version > before {
		shows = "the newer set"
	}
	client := w.list(w.public)
	if again := w.runWith(h, h.table); again != "" {
		w.t.Errorf("%s, after %s: the next run says %s", h.name, f.name, again)
	}
	w.look(h)
	if h.version != w.version {
		w.t.Errorf("%s, after %s: the next run leaves edition %d, want %d", h.name, f.name, h.version, w.version)
	}
	w.list(h.url)
	w.rows = append(w.rows, []string{h.name, f.name, clipped(said), shows, client})
}

// run runs the job with a table and returns what it says on standard error,
// "" if it ends well. The function started may be nil.
func (w *faultWorld) run(h *faultHost, table string, started func(*os.Process)) string {
	w.t.Helper()
	writeFile(w.t, h.config, fmt.Sprintf("root = %q\ntrust = \"1.trust\"\n[[target]]\n%s\n", w.public, table))
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, "metaserver", "mirror", "once", "--config", h.config)
	cmd.Env = h.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	if started != nil {
		started(cmd.Process)
	}
	err := cmd.Wait()
	switch {
	case err == nil:
		return ""
	case cmd.ProcessState.Exited():
		return stderr.String()
	}
	return err.Error() // killed
}

func (w *faultWorld) runWith(h *faultHost, table string) string {
	w.t.Helper()
	return w.run(h, table, nil)
}

// look fetches what players get from the host: complete documents that the root
// has published, none older than before.
func (w *faultWorld) look(h *faultHost) {
	w.t.Helper()
	if !bytes.Equal(w.get(h.url, publish.TrustName(1)), readFile(w.t, w.trust)) {
		w.t.Errorf("%s: trust/1.trust is not what was published", h.name)
	}
	for _, d := range []struct{ name, typ string }{{publish.MirrorList, serverlist.TypeMirrorList}, {publish.ServerList, serverlist.TypeServerList}} {
		data := w.get(h.url, d.name)
		l, err := serverlist.Open(data, serverlist.Want{Origin: w.chain.Origin(), Type: d.typ}, w.chain)
		switch {
		case err != nil:
			w.t.Errorf("%s: %s: %v", h.name, d.name, err)
		case !w.known[string(data)]:
			w.t.Errorf("%s: %s is not one that the root has published", h.name, d.name)
		case d.name == publish.ServerList && l.Head.Version < h.version:
			w.t.Errorf("%s: the host went back from %d to %d", h.name, h.version, l.Head.Version)
		case d.name == publish.ServerList:
			h.version = l.Head.Version
		}
	}
}

func (w *faultWorld) get(base, name string) []byte {
	w.t.Helper()
	resp, err := http.Get(base + name)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%s%s: %s, %v", base, name, resp.Status, err)
	}
	return data
}

// list is what a player sees: without cache and static lists, so it is live or
// nothing.
func (w *faultWorld) list(root string) string {
	w.t.Helper()
	l := decode[listOutput](w.t, command(w.t, "list", "--trust", w.trust, "--root", root, "--json"))
	if l.Source != "live" || len(l.Servers) < 600 {
		w.t.Errorf("the client shows %d servers, %s", len(l.Servers), l.Source)
	}
	return fmt.Sprintf("%s, %d servers", l.Source, len(l.Servers))
}

func (w *faultWorld) logTable() {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "HOST\tBROKEN BY\tTHE JOB SAYS\tTHE HOST SHOWS\tA CLIENT SHOWS")
	for _, r := range w.rows {
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	tw.Flush()
	w.t.Logf("\n%s", b.String())
}

// clipped is the first line of what a job says, without what all begin with.
func clipped(said string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	if r := []rune(line); len(r) > 110 {
		line = string(r[:110]) + "..."
	}
	return line
}
