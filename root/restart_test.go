package root_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/examine"
)

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	listed, waiting, rejected := w.register(1), w.register(2), w.register(3)
	if _, err := c.Approve(t.Context(), listed.ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Reject(t.Context(), rejected.ID, "no"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddMirror(t.Context(), api.NewMirror{Unchecked: true, Mirror: api.Mirror{ID: "a", Operator: "A", URLs: []string{"http://a.example/"}}}); err != nil {
		t.Fatal(err)
	}
	w.untilListed("server-1")
	before := w.snapshot()
	w.stop()

	again := serveData(t, w.dir)
	if after := again.snapshot(); after != before {
		t.Errorf("%+v, was %+v", after, before)
	}
	for who, want := range map[api.Accepted]string{listed: "approved", waiting: "pending", rejected: "rejected"} {
		if s := decode[api.Status](t, again.get(who.StatusURL), 200); s.Status != want {
			t.Errorf("%+v, want %s", s, want)
		}
	}
	if _, err := again.client().Approve(t.Context(), waiting.ID, api.Approval{}); err != nil {
		t.Error(err)
	}
	again.untilListed("server-1", "server-2")
}

// childData names the data folder to the child process; see TestMain.
const childData = "ROOT_TEST_CHILD_DATA"

// serveAsChild is what the child does until it is killed. It prints its
// addresses.
func serveAsChild(dir string) {
	if err := serveUntilKilled(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serveUntilKilled(dir string) error {
	if disk := os.Getenv(childDisk); disk != "" {
		if err := mountDisk(disk); err != nil {
			return err
		}
	}
	if dir := os.Getenv(childReadOnly); dir != "" {
		return serveReadOnly(dir)
	}
	if file := os.Getenv(childBackup); file != "" {
		return backUpUntilKilled(dir, file)
	}
	cfg, err := config.Load(dir)
	if err != nil {
		return err
	}
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Ready = printAddrs
	r, err := root.New(cfg)
	if err != nil {
		return err
	}
	return r.Run(context.Background())
}

func printAddrs(public, admin net.Addr) { fmt.Println(public, admin) }

// TestKilled kills the process, without warning, as soon as it has answered,
// and looks whether what it answered was true.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	var accepted []string // status URLs
	approved := ""        // the id of what was approved last
	for round := range 5 {
		child := startChild(t, dir)
		a := child.register(round)
		accepted = append(accepted, a.StatusURL)
		if round%2 == 1 {
			if _, err := child.client().Approve(t.Context(), a.ID, api.Approval{}); err != nil {
				t.Fatal(err)
			}
			approved = a.ID
		}
		child.stop() // kills
	}
	w := serveData(t, dir)
	for n, url := range accepted {
		want := "pending"
		if n%2 == 1 {
			want = "approved"
		}
		if s := decode[api.Status](t, w.get(url), 200); s.Status != want || s.Name != request(n).Name {
			t.Errorf("registration %d: %+v, want %s", n, s, want)
		}
	}
	if approved == "" {
		t.Fatal("nothing was approved")
	}
	w.untilListed("server-1", "server-3")
}

// startChild runs a root in a process of its own. Its stop kills it.
func startChild(t testing.TB, dir string) *world {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childData+"="+dir)
	w, err := startCommand(t, cmd, false)
	if err != nil {
		t.Fatal(err)
	}
	w.token = strings.TrimSpace(string(readFile(t, dir+"/admin.token")))
	return w
}

// startCommand starts a child and reads what it prints: its token first, where
// nobody else can read its data folder, then its addresses.
func startCommand(t testing.TB, cmd *exec.Cmd, printsToken bool) (*world, error) {
	t.Helper()
	log := new(lockedBuffer)
	cmd.Stderr = log
	if cmd.SysProcAttr == nil {
		testenv.Tie(cmd)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w := &world{t: t, pid: cmd.Process.Pid, log: log, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	w.stop = onceOnly(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(w.stop)
	lines := bufio.NewScanner(out)
	if printsToken && lines.Scan() {
		w.token = lines.Text()
	}
	if !lines.Scan() {
		w.stop()
		return nil, fmt.Errorf("the child does not serve: %s", log.String())
	}
	public, admin, _ := strings.Cut(lines.Text(), " ")
	w.public, w.admin = "http://"+public, "http://"+admin
	return w, nil
}

// TestShutdownFinishesRequests ends the root while a request is under way.
func TestShutdownFinishesRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.public, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body, _ := json.Marshal(request(1))
	fmt.Fprintf(conn, "POST /api/v1/registrations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("%q, %v", line, err) // the handler reads: the request is under way
	}
	reader.ReadString('\n')
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		w.stop()
	}()
	conn.Write(body)
	resp, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 202 {
		t.Errorf("status %d", resp.StatusCode)
	}
	<-stopped
	report, err := examine.Describe(t.Context(), w.dir, time.Now())
	if err != nil || report.Pending != 1 {
		t.Errorf("%d pending: %v", report.Pending, err)
	}
}
