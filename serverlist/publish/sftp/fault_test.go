package sftp_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/publish/sftp"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// faulty returns a function that makes folders on a server, reached over a
// line and directly.
func faulty(t *testing.T, s *testenv.SSHDServer) publishtest.OpenFunc {
	key := targetOn(t, s, "")
	next := fresh(s, key)
	return func(t *testing.T, dial publishtest.DialFunc) (publish.Target, publish.Target) {
		clean := next(t).(sftp.Target)
		over := clean
		over.Dial = dial
		return over, clean
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	publishtest.Interrupted(t, publishtest.AllowNothing, faulty(t, s))
}

func TestInterruptedWithoutExtensions(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{Subsystem: without})
	publishtest.Interrupted(t, publishtest.AllowAbsent, faulty(t, s))
}

func TestSilenced(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	publishtest.Silenced(t, publishtest.AllowNothing, faulty(t, s), func(faulty publish.Target) publish.Target {
		target := faulty.(sftp.Target)
		target.Timeout = 5 * time.Second
		return target
	})
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	publishtest.Cancelled(t, publishtest.AllowNothing, faulty(t, s))
}

// TestFullDisk publishes an edition that does not fit on a real file system of
// 256 KiB.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{DiskSize: "256k"})
	target := targetOn(t, s, "ms")
	root := publishtest.NewRoot(serverlisttest.Options{})
	older := root.Documents(t0, "alpha")
	set(t, target, older)
	ids := make([]string, 4000)
	for i := range ids {
		ids[i] = fmt.Sprintf("server-%05d", i)
	}
	newer := root.Documents(t0+1, ids...)
	_, err := publish.Set(t.Context(), target, newer)
	wantError(t, err, "server.list", "the disk is full", "untouched")
	held, err := publish.ReadBack(t.Context(), target, older.Trust)
	if err != nil || !held.Servers.Same(older.Servers) || !held.Mirrors.Same(newer.Mirrors) {
		t.Errorf("what was published before is gone: %v %+v", err, held)
	}
	set(t, target, root.Documents(t0+2, "alpha")) // there is room again: the half file was removed
}

// TestPermission tells what may not be read from what is not there.
func TestPermission(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		testenv.Unable(t, "only root can make files that another user may not read")
	}
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	target, docs := targetOn(t, s, "ms"), documents(2)
	set(t, target, docs[0])
	list := filepath.Join(s.Home, "ms", "server.list")
	if err := errors.Join(os.Chown(list, 0, 0), os.Chmod(list, 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err := publish.Set(t.Context(), target, docs[1])
	wantError(t, err, "reading", "server.list", "permission", "may not do that", "sftp -P")
	if data, err := os.ReadFile(list); err != nil || !bytes.Equal(data, docs[0].Servers.Bytes()) {
		t.Errorf("what cannot be read was changed: %v", err)
	}

	target.Folder = "/forbidden/ms"
	_, err = publish.Set(t.Context(), target, docs[0])
	wantError(t, err, "creating folder /forbidden", "permission", "a login starts in "+s.Home)
}

// TestChroot: the server shows the account a part of its disk, so that the
// path which the operator knows is not there.
func TestChroot(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{Config: "ChrootDirectory /run/jail"})
	docs := documents(1)[0]
	target := targetOn(t, s, filepath.Join(s.Home, "ms"))
	_, err := publish.Set(t.Context(), target, docs)
	wantError(t, err, "may be a part of the server's disk only")
	target.Folder = "/home/ms"
	set(t, target, docs)
	wantFiles(t, filepath.Join(s.Home, "ms"), docs)
}

// wantError checks that an error says all of this, and no password.
func wantError(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", want)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %v, want an error with %q", err, w)
		}
	}
	for _, secret := range []string{"correct horse", "battery", "Tr0ub4dor"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("a secret is in: %v", err)
		}
	}
}
