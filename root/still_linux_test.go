package root_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/config"
)

// childReadOnly makes the child mount its data folder read-only before it
// serves.
const childReadOnly = "ROOT_TEST_CHILD_READ_ONLY"

// serveReadOnly is what such a child does.
func serveReadOnly(dir string) error {
	for _, m := range []struct {
		from, to string
		flags    uintptr
	}{
		{"", "/", syscall.MS_REC | syscall.MS_PRIVATE},
		{dir, dir, syscall.MS_BIND},
		{"", dir, syscall.MS_BIND | syscall.MS_REMOUNT | syscall.MS_RDONLY},
	} {
		if err := syscall.Mount(m.from, m.to, "", m.flags, ""); err != nil {
			return fmt.Errorf(cannotMount+"%w", err)
		}
	}
	cfg := config.Config{Data: dir, Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Ready: printAddrs}
	_, err := root.New(cfg)
	if !root.CannotWrite(err) {
		return fmt.Errorf("a read-only folder is not told: %w", err)
	}
	r, err := root.NewStill(cfg, err)
	if err != nil {
		return err
	}
	return r.Run(context.Background())
}

// TestReadOnlyDisk: the last edition stays served from a disk that cannot be
// written to, and everything else is told so.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.list(1)
	w.untilListed("server-1")
	served := map[string][]byte{}
	for _, name := range []string{"/server.list", "/mirror.list", "/trust/1.trust"} {
		served[name] = w.get(name).body
	}
	w.stop()
	before := namesBelow(t, w.dir)

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childReadOnly+"="+w.dir, childData+"="+w.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	r, err := startCommand(t, cmd, false)
	if errors.Is(err, syscall.EPERM) || err != nil && strings.Contains(err.Error(), cannotMount) {
		testenv.Unable(t, "no mount namespace: "+err.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	r.token = w.token
	for name, want := range served {
		a := r.get(name)
		if a.status != 200 || !bytes.Equal(a.body, want) || a.header.Get("ETag") == "" {
			t.Errorf("%s: %d, %d bytes", name, a.status, len(a.body))
		}
		if again := r.get(name, "If-None-Match: "+a.header.Get("ETag")); again.status != 304 {
			t.Errorf("%s again: %d", name, again.status)
		}
	}
	if p := r.post(request(2)).problem(t, 503); !strings.Contains(p.Detail, "cannot write to its disk") {
		t.Errorf("%+v", p)
	}
	r.ask("GET", "/registrations", "").problem(t, 503)
	if a := r.send(exchange{"GET", r.admin + "/readyz", nil, ""}); a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "cannot be written") {
		t.Errorf("ready: %d %s", a.status, a.body)
	}
	if a := r.send(exchange{"GET", r.admin + "/healthz", nil, ""}); a.status != 200 {
		t.Errorf("health: %d", a.status)
	}
	if a := r.send(exchange{"GET", r.admin + "/server.list", nil, ""}); a.status != 503 {
		t.Errorf("the admin listener serves documents: %d", a.status)
	}
	r.stop()
	if after := namesBelow(t, w.dir); after != before {
		t.Errorf("the folder changed:\n%s\nwas\n%s", after, before)
	}
}

func namesBelow(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		b.WriteString(path + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestStillEnds: as soon as the folder can be written to, the root that could
// not makes room for one that can.
func TestStillEnds(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	again, ready := make(chan struct{}), make(chan struct{})
	cfg := config.Config{Data: dir, Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		Ready: func(_, _ net.Addr) { close(ready) }}
	r, err := root.NewStill(cfg, syscall.EROFS)
	if err != nil {
		t.Fatal(err)
	}
	root.SetTryAgain(r, again)
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(r.Run(t.Context()), r.Close()) }()
	<-ready
	again <- struct{}{}
	if err := <-ended; !errors.Is(err, root.ErrWritable) {
		t.Fatalf("%v", err)
	}
	serveData(t, dir).register(1)
}
