package root_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/setup"
)

// childDisk names the folder over which the child mounts a small disk of its
// own before it serves a root on it.
const childDisk = "ROOT_TEST_CHILD_DISK"

// childSize is how large that disk is; absent: 3m.
const childSize = "ROOT_TEST_CHILD_SIZE"

// childBallast lets the child keep a file on that disk until its standard input
// ends: then there is room again.
const childBallast = "ROOT_TEST_CHILD_BALLAST"

// cannotMount is what the child says where it may not.
const cannotMount = "mounting: "

// mountDisk runs in the child, in a mount namespace of its own.
func mountDisk(dir string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf(cannotMount+"%w", err)
	}
	size := cmp.Or(os.Getenv(childSize), "3m")
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		return fmt.Errorf(cannotMount+"%w", err)
	}
	if os.Getenv(childBallast) != "" {
		if err := loadBallast(filepath.Join(dir, "ballast")); err != nil {
			return err
		}
	}
	made, err := setup.Init(context.Background(), setup.Config{Data: filepath.Join(dir, "data"), Origin: origin})
	if err != nil {
		return err
	}
	token, err := os.ReadFile(made.AdminToken)
	fmt.Print(string(token))
	return err
}

// loadBallast fills a part of the disk until standard input ends.
func loadBallast(path string) error {
	if err := os.WriteFile(path, make([]byte, 512<<10), 0o600); err != nil {
		return err
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Remove(path)
	}()
	return nil
}

// onDisk returns the child that makes a root on a disk of this size and serves
// it.
func onDisk(t *testing.T, size string) (dir string, cmd *exec.Cmd) {
	dir = t.TempDir()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDisk+"="+dir, childSize+"="+size, childData+"="+filepath.Join(dir, "data"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return dir, cmd
}

// TestInitFullDisk: whatever does not fit first, the error says that the disk
// is full.
func TestInitFullDisk(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"4k", "16k", "28k", "40k", "60k", "100k", "300k"} {
		_, cmd := onDisk(t, size)
		_, err := startCommand(t, cmd, true)
		if errors.Is(err, syscall.EPERM) || err != nil && strings.Contains(err.Error(), cannotMount) {
			testenv.Unable(t, fmt.Sprintf("no mount namespace: %v", err))
		}
		if err == nil || !strings.Contains(err.Error(), "is full: make room") {
			t.Errorf("a disk of %s: %v", size, err)
		}
	}
}

// fillDisk registers until the disk is full, and returns the status URLs of what
// was accepted.
func (w *world) fillDisk() (accepted []string) {
	w.t.Helper()
	for n, refused := 0, 0; refused < 5; n++ {
		if a := w.post(large(n)); a.status == 202 {
			accepted = append(accepted, decode[api.Accepted](w.t, a, 202).StatusURL)
		} else {
			a.problem(w.t, 503)
			refused++
		}
	}
	if len(accepted) == 0 {
		w.t.Fatal("nothing fitted")
	}
	return accepted
}

func large(n int) api.RegistrationRequest {
	req := request(n)
	req.Description = strings.Repeat("\U0001F600", 500)
	return req
}

// onDiskSize returns the size of the database and its log, on the child's disk.
func (w *world) onDiskSize(dir string) (size int64) {
	w.t.Helper()
	for _, name := range []string{"root.db", "root.db-wal"} {
		info, err := os.Stat(filepath.Join(fmt.Sprintf("/proc/%d/root", w.pid), dir, "data", name))
		if err != nil {
			w.t.Fatal(err)
		}
		size += info.Size()
	}
	return size
}

// TestFullDisk registers until the disk is full, and goes on trying as for hours:
// nothing is accepted, nothing grows, everything accepted before is there, and the
// list is served. With room again the root goes on by itself.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir, cmd := onDisk(t, "3m")
	cmd.Env = append(cmd.Env, childBallast+"=1")
	release, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	w, err := startCommand(t, cmd, true)
	if errors.Is(err, syscall.EPERM) || err != nil && strings.Contains(err.Error(), cannotMount) {
		testenv.Unable(t, fmt.Sprintf("no mount namespace: %v", err))
	} else if err != nil {
		t.Fatal(err)
	}
	list := w.get("/server.list").body
	accepted := w.fillDisk()
	size := w.onDiskSize(dir)
	for n := range 200 {
		w.post(large(1_000_000+n)).problem(t, 503)
		if got := w.get("/server.list").body; !bytes.Equal(list, got) {
			t.Fatal("the published list changed")
		}
	}
	if now := w.onDiskSize(dir); now > size+64<<10 {
		t.Errorf("on the full disk the database and its log grew from %d to %d bytes", size, now)
	}
	for _, url := range accepted {
		if s := decode[api.Status](t, w.get(url), 200); s.Status != "pending" {
			t.Errorf("%+v", s)
		}
	}
	pending, err := w.client().Pending(t.Context())
	if err != nil || len(pending) != len(accepted) {
		t.Errorf("%d pending, %d were accepted: %v", len(pending), len(accepted), err)
	}
	w.until("nobody can record that private data are handed out, and so they are not", func() bool {
		in, err := w.client().Export(t.Context())
		if err == nil {
			in.Close()
		}
		return err != nil
	})

	release.Close()
	w.until("there is room again", func() bool { return w.post(large(2_000_000)).status == 202 })
	if _, err := w.client().Approve(t.Context(), pending[0].ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	w.untilHas(`server-0`)
}
