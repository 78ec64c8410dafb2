package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// fillDir is the environment variable that makes a copy of the test program
// fill a small disk of its own, mounted over the folder that it names.
const fillDir = "STORE_FILL_DIR"

// TestFullDisk fills a real file system of three megabytes, which a copy of this
// program mounts in a name space of its own.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), fillDir+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); errors.Is(err, syscall.EPERM) || strings.Contains(stderr.String(), "mounting:") {
		testenv.Unable(t, fmt.Sprintf("no mount namespace: %v %s", err, stderr.String()))
	} else if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if !strings.Contains(stdout.String(), "full at") {
		t.Errorf("the disk was never full: %s", stdout.String())
	}
	t.Log(strings.TrimSpace(stdout.String()))
}

func fillChild() {
	dir := os.Getenv(fillDir)
	if dir == "" {
		return
	}
	if err := fillDisk(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func fillDisk(dir string) error {
	// Private, or the mount would be seen outside.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mounting: %w", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		return fmt.Errorf("mounting: %w", err)
	}
	s, err := openSQLite(dir, nil)
	if err != nil {
		return err
	}
	kept, err := registerUntilFull(s)
	if err != nil {
		return err
	}
	fmt.Printf("full at %d registrations\n", kept)
	if err := checkKept(s, kept); err != nil {
		return fmt.Errorf("while the disk is full: %w", err)
	}
	// Once there is room it goes on, in the same process ...
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=24m"); err != nil {
		return fmt.Errorf("remounting: %w", err)
	}
	if _, err := s.Register(context.Background(), filler(1_000_000), store.Limits{Queue: -1}); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	if err := s.Close(); err != nil {
		return err
	}
	// ... and after a restart.
	if s, err = openSQLite(dir, nil); err != nil {
		return err
	}
	defer s.Close()
	return checkKept(s, kept+1)
}

func filler(i int) store.Request {
	return store.Request{
		Server: serverlist.Server{Name: "x", Addresses: []string{fmt.Sprintf("h%d.example.net:1", i)}},
		Email:  "x@example.org", Source: netip.IPv6Loopback(),
	}
}

// registerUntilFull registers from several goroutines, so that the disk fills
// up while writes share a transaction.
func registerUntilFull(s store.Store) (kept int, err error) {
	const workers = 8
	type result struct {
		kept int
		err  error
	}
	results := make(chan result)
	for worker := range workers {
		go func() {
			n := 0
			for {
				_, err := s.Register(context.Background(), filler(n*workers+worker), store.Limits{Queue: -1})
				if err != nil {
					results <- result{n, err}
					return
				}
				n++
			}
		}()
	}
	for range workers {
		r := <-results
		kept += r.kept
		if !errors.Is(r.err, store.ErrNoSpace) {
			err = fmt.Errorf("want ErrNoSpace, got: %w", r.err)
		}
	}
	return kept, err
}

func checkKept(s store.Store, kept int) error {
	n := 0
	if err := s.Pending(context.Background(), func(store.Review) error { n++; return nil }); err != nil {
		return err
	}
	c, err := s.Counts(context.Background())
	if err == nil && (n != kept || c.Pending != kept) {
		err = fmt.Errorf("%d were acknowledged, %d are there, %d counted", kept, n, c.Pending)
	}
	return err
}
