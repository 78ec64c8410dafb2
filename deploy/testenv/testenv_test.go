package testenv

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNginxServesAChangingFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url := Nginx(t, dir)
	for _, want := range []string{"one", "two\x00\r\n"} {
		if err := os.WriteFile(filepath.Join(dir, "server.list"), []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := get(t, url+"server.list"); got != want {
			t.Errorf("nginx serves %q, want %q", got, want)
		}
	}
}

// get fetches with a connection of its own, so that nothing is left over.
func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if server := resp.Header.Get("Server"); !strings.HasPrefix(server, "nginx/") {
		t.Errorf("%s is served by %q, want nginx", url, server)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestCrossfireGreets(t *testing.T) {
	t.Parallel()
	addr := Crossfire(t)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(startTime)); err != nil {
		t.Fatal(err)
	}
	greeting := make([]byte, 10)
	if _, err := io.ReadFull(conn, greeting); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(greeting[2:], []byte("version ")) {
		t.Errorf("the server says %q, want a version greeting", greeting)
	}
}

func TestServersEndWithTheirTest(t *testing.T) {
	t.Parallel()
	var addr string
	t.Run("inner", func(t *testing.T) {
		addr = strings.Trim(strings.TrimPrefix(Nginx(t, t.TempDir()), "http://"), "/")
	})
	if addr == "" {
		t.Skip("no nginx")
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Errorf("%s still answers after its test", addr)
	}
}

// A child of the command must go too: here a shell's sleep, which holds the
// write end of a pipe until it ends.
func TestCommandKillsTheGroup(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("process groups are handled on Linux")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	t.Run("inner", func(t *testing.T) {
		cmd := Command(t, "sh", "-c", "sleep 600 & echo started; wait")
		cmd.Stdout = w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if _, err := io.ReadFull(r, make([]byte, len("started\n"))); err != nil {
			t.Fatal(err)
		}
	})
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("after the test the pipe gives %q, %v; want its end", rest, err)
	}
}

func TestCommandThatWasWaitedForIsLeftAlone(t *testing.T) {
	t.Parallel()
	t.Run("inner", func(t *testing.T) {
		out, err := Command(t, "sh", "-c", "echo done").Output()
		if err != nil || string(out) != "done\n" {
			t.Errorf("got %q, %v", out, err)
		}
	})
}

func TestLaunchReportsAnEarlyEnd(t *testing.T) {
	t.Parallel()
	cmd := command(t, Program(t, "sh"), "-c", "echo no such world >&2; exit 3")
	p, err := launch(cmd, filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	err = p.await(func() bool { return false })
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no such world") {
		t.Errorf("await says %v; want the status and the output", err)
	}
}

func TestNginxSeesATakenPort(t *testing.T) {
	t.Parallel()
	program := Program(t, "nginx")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := startNginx(t, program, t.TempDir(), l.Addr().(*net.TCPAddr).Port); err != errPortTaken {
		t.Errorf("got %v, want %v", err, errPortTaken)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	deps := t.TempDir()
	place := func(name string, mode os.FileMode) string {
		path := filepath.Join(deps, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	unpacked := place("usr/sbin/sh", 0o755)
	place("usr/sbin/no-such-program", 0o644)
	if path, ok := find(deps, "sh"); !ok || path != unpacked {
		t.Errorf("find(sh) = %q, %v; want the unpacked one", path, ok)
	}
	if path, ok := find("", "sh"); !ok || path == unpacked {
		t.Errorf("find(sh) without unpacked packages = %q, %v; want the system's", path, ok)
	}
	if path, ok := find(deps, "no-such-program"); ok {
		t.Errorf("find takes %q, which is not executable", path)
	}
}

// A recorder takes the place of a test that skips or fails.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper()          {}
func (r *recorder) Name() string     { return "TestOfSomeone" }
func (r *recorder) Skip(args ...any) { r.skipped = args[0].(string) }
func (r *recorder) Fatal(args ...any) {
	r.failed = args[0].(string)
	runtime.Goexit()
}

// ask calls skip on a goroutine of its own, which Fatal ends.
func ask(why string) *recorder {
	r := new(recorder)
	done := make(chan struct{})
	go func() {
		defer close(done)
		skip(r, why)
	}()
	<-done
	return r
}

func TestSkipIsNoted(t *testing.T) {
	name := filepath.Join(t.TempDir(), "skips")
	t.Setenv("SKIPS_FILE", name)
	t.Setenv("REQUIRE_ALL", "")
	for range 2 {
		if r := ask("no nginx"); r.skipped != "no nginx" || r.failed != "" {
			t.Errorf("skip gave %+v", r)
		}
	}
	noted, err := os.ReadFile(name)
	if err != nil || string(noted) != strings.Repeat("TestOfSomeone: no nginx\n", 2) {
		t.Errorf("noted %q, %v", noted, err)
	}
}

func TestUnableIsNotedAndNeverForbidden(t *testing.T) {
	name := filepath.Join(t.TempDir(), "skips")
	t.Setenv("SKIPS_FILE", name)
	t.Setenv("REQUIRE_ALL", "1")
	r := &recorder{}
	Unable(r, "no mount namespace:\nsorry")
	noted, err := os.ReadFile(name)
	if want := "TestOfSomeone: impossible on this machine: no mount namespace: sorry\n"; err != nil || string(noted) != want {
		t.Errorf("noted %q, %v", noted, err)
	}
	if r.skipped == "" || r.failed != "" {
		t.Errorf("Unable gave %+v", r)
	}
}

func TestRequireAllForbidsSkipping(t *testing.T) {
	t.Setenv("REQUIRE_ALL", "1")
	if r := ask("no nginx"); r.skipped != "" || !strings.Contains(r.failed, "no nginx") {
		t.Errorf("skip gave %+v, want a failure", r)
	}
}
