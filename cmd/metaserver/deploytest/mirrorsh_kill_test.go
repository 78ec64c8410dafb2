package deploytest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestMirrorScriptKilled kills runs while they write, with everything that they
// have started. The folder always holds complete documents, none older than before,
// and the next run finishes the work and tidies up.
func TestMirrorScriptKilled(t *testing.T) {
	t.Parallel()
	w := newScriptWorld(t, shells[0])
	w.must(w.checked())
	const wanted, most = 4, 40
	caught := 0
	for round := 0; caught < wanted; round++ {
		if round == most {
			t.Fatalf("only %d of %d runs were killed while they wrote", caught, most)
		}
		mirrors, servers := w.published()
		w.edition(manyServers(round)...)
		if w.killWhileWriting(1 + round%2) {
			caught++
		}
		newMirrors, newServers := w.published()
		if newMirrors.Compare(mirrors) < 0 || newServers.Compare(servers) < 0 {
			t.Fatal("the folder went back")
		}
		if newServers.Head.Version > newMirrors.Head.Version+1 { // the root issues the mirror list first
			t.Fatal("the server list came before the mirror list")
		}
	}
	w.must(w.checked())
	w.holds()
}

// manyServers makes a list of some megabytes.
func manyServers(round int) []string {
	ids := []string{fmt.Sprintf("round-%d", round)}
	for i := range 20_000 {
		ids = append(ids, fmt.Sprintf("server-%05d-of-many-that-fill-the-list", i))
	}
	return ids
}

// killWhileWriting kills a run when the nth temporary file is seen in the folder.
// It tells whether the run was still at it.
func (w *scriptWorld) killWhileWriting(nth int) bool {
	w.t.Helper()
	created, stop := testenv.Created(w.t, w.folder)
	defer stop()
	cmd, ended := w.start()
	for seen := 0; ; {
		select {
		case err := <-ended:
			if err != nil {
				w.t.Fatalf("a run that was not killed ended with %v", err)
			}
			return false
		case path := <-created:
			if strings.HasPrefix(filepath.Base(path), ".durable-sh-") {
				seen++
			}
		}
		if seen == nth {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // fails only if all have ended
			return <-ended != nil
		}
	}
}

// start starts a run in a process group of its own.
func (w *scriptWorld) start(env ...string) (*exec.Cmd, <-chan error) {
	w.t.Helper()
	cmd := w.mirrorSh(w.t.Context(), append([]string{"ROOT=" + w.url, "TARGET=" + w.folder, "TRUST=" + w.trust}, env...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	w.t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	return cmd, ended
}

// TestMirrorScriptStopped: a run that is told to end leaves nothing behind.
func TestMirrorScriptStopped(t *testing.T) {
	t.Parallel()
	for _, s := range shells[:3] {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newScriptWorld(t, s)
			w.site.SetFault(serverlisttest.Silent)
			cmd, ended := w.start("MAX_TIME=5") // for what the signal does not reach
			for len(w.site.Asked()) == 0 {
				select {
				case err := <-ended:
					t.Fatalf("the run ended with %v", err)
				case <-time.After(10 * time.Millisecond): // between two looks
				}
			}
			if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err == nil {
				t.Error("a run that was stopped says that all is well")
			}
			left, err := filepath.Glob(filepath.Join(cmd.Dir, "mirror.*"))
			if err != nil || len(left) > 0 {
				t.Errorf("%v is left behind, %v", left, err)
			}
			w.site.SetFault(serverlisttest.Honest)
			w.must(w.checked())
			w.holds()
		})
	}
}

// TestMirrorScriptLock: where the system has flock, the script and the program keep
// out of each other's way; elsewhere two scripts do.
func TestMirrorScriptLock(t *testing.T) {
	t.Parallel()
	w := newScriptWorld(t, shells[0])
	w.must(w.checked())
	w.edition("beta")
	session, err := publish.Folder{Path: w.folder}.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	busy(t, w.checked())
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	w.must(w.checked())
	w.holds()

	w = newScriptWorld(t, shells[3])
	lock := filepath.Join(w.folder, ".lock-sh")
	if err := os.MkdirAll(lock, 0o755); err != nil {
		t.Fatal(err)
	}
	pid := filepath.Join(lock, "pid")
	if err := os.WriteFile(pid, []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		t.Fatal(err)
	}
	busy(t, w.checked())
	dead := exec.Command(w.shell, "-c", "echo $$")
	out, err := dead.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pid, bytes.TrimSpace(out), 0o644); err != nil {
		t.Fatal(err)
	}
	w.must(w.checked())
	w.holds()
}

func busy(t testing.TB, e ending) {
	t.Helper()
	if e.status != 1 || !strings.Contains(e.err, "is at work") || e.out != "" {
		t.Errorf("the script ends with %+v", e)
	}
}
