package root_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
)

// childDisk names the folder over which the child mounts a small disk of its
// own before it serves a root on it.
const childDisk = "ROOT_TEST_CHILD_DISK"

// childSize is how large that disk is; absent: 3m.
const childSize = "ROOT_TEST_CHILD_SIZE"

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
	made, err := root.Init(context.Background(), root.InitConfig{Data: filepath.Join(dir, "data"), Origin: origin})
	if err != nil {
		return err
	}
	token, err := os.ReadFile(made.AdminToken)
	fmt.Print(string(token))
	return err
}

// onDisk returns the child that makes a root on a disk of this size and serves
// it.
func onDisk(t *testing.T, size string) *exec.Cmd {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDisk+"="+dir, childSize+"="+size, childData+"="+filepath.Join(dir, "data"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return cmd
}

// TestInitFullDisk: whatever does not fit first, the error says that the disk
// is full.
func TestInitFullDisk(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"4k", "16k", "28k", "40k", "60k", "100k", "300k"} {
		_, err := startCommand(t, onDisk(t, size), true)
		if errors.Is(err, syscall.EPERM) || err != nil && strings.Contains(err.Error(), cannotMount) {
			testenv.Unable(t, fmt.Sprintf("no mount namespace: %v", err))
		}
		if err == nil || !strings.Contains(err.Error(), "is full: make room") {
			t.Errorf("a disk of %s: %v", size, err)
		}
	}
}

// TestFullDisk registers until the disk is full: from then on nothing is
// accepted, everything accepted before is there, and the list is served.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	w, err := startCommand(t, onDisk(t, "3m"), true)
	if errors.Is(err, syscall.EPERM) || err != nil && strings.Contains(err.Error(), cannotMount) {
		testenv.Unable(t, fmt.Sprintf("no mount namespace: %v", err))
	} else if err != nil {
		t.Fatal(err)
	}
	list := w.get("/server.list").body
	var accepted []string // status URLs
	refused := 0
	for n := 0; refused < 5; n++ {
		req := request(n)
		req.Description = strings.Repeat("\U0001F600", 500)
		a := w.post(req)
		if a.status == 202 {
			accepted = append(accepted, decode[api.Accepted](t, a, 202).StatusURL)
			continue
		}
		a.problem(t, 503)
		refused++
	}
	if len(accepted) == 0 {
		t.Fatal("nothing fitted")
	}
	for _, url := range accepted {
		if s := decode[api.Status](t, w.get(url), 200); s.Status != "pending" {
			t.Errorf("%+v", s)
		}
	}
	if pending, err := w.client().Pending(t.Context()); err != nil || len(pending) != len(accepted) {
		t.Errorf("%d pending, %d were accepted: %v", len(pending), len(accepted), err)
	}
	if !bytes.Equal(list, w.get("/server.list").body) {
		t.Error("the published list changed")
	}
}
