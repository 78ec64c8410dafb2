package ftp_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/ftp"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
)

// all lists every file and folder of the account.
func all(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, strings.TrimPrefix(path, dir))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestTryWrite: a trial leaves no file and no folder, on any server.
func TestTryWrite(t *testing.T) {
	t.Parallel()
	onEach(t, testenv.FTPOptions{}, func(t *testing.T, h *host) {
		mustSet(t, h.target(), small())
		before := all(t, h.Folder)
		for _, folder := range []string{"", "new/ms"} {
			target := h.target()
			target.Folder = folder
			if err := target.TryWrite(t.Context()); err != nil {
				t.Errorf("in %q: %v", folder, err)
			}
			if after := all(t, h.Folder); after != before {
				t.Errorf("in %q: the host holds %s, and before %s", folder, after, before)
			}
		}
	})
}

// TestTryWriteReadOnly: accounts that may read and not write are found out while
// there is nothing to publish, and nothing stays.
func TestTryWriteReadOnly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		program int
		config  []string
		want    string
		stays   bool // a file that the host permits to write and not to remove
	}{
		"vsftpd without write_enable":  {0, []string{"write_enable=NO"}, "may not write there", false},
		"vsftpd without rename":        {0, []string{"cmds_denied=RNFR"}, "renaming a trial file", false},
		"vsftpd without removal":       {0, []string{"cmds_denied=DELE"}, "let the account delete files", true},
		"proftpd without write access": {1, []string{"<Limit WRITE>", "DenyAll", "</Limit>"}, "may not write there", false},
		"proftpd without upload":       {1, []string{"<Limit STOR>", "DenyAll", "</Limit>"}, "a trial file in /", false},
		"pure-ftpd without rename":     {2, []string{"-G"}, "renaming a trial file", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := programs[c.program].plain(t, testenv.FTPOptions{Config: c.config})
			docs := small()
			mustSet(t, publish.Folder{Path: h.Folder}, docs)
			h.Own(t, h.Folder)
			if report := mustSet(t, h.target(), docs); report.Changed() {
				t.Fatalf("there was something to publish: %+v", report)
			}
			before := all(t, h.Folder)
			err := publish.TryWrite(t.Context(), h.target())
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the trial says %v, want %q", err, c.want)
			}
			if after := all(t, h.Folder); (after != before) != c.stays {
				t.Errorf("the host holds %s, and before %s", after, before)
			}
			t.Log(err)
		})
	}
}

// TestTryWriteRights: the folder of the trust documents has rights of its own.
func TestTryWriteRights(t *testing.T) {
	t.Parallel()
	onEach(t, testenv.FTPOptions{}, func(t *testing.T, h *host) {
		mustSet(t, h.target(), small())
		trust := filepath.Join(h.Folder, "trust")
		if err := os.Chmod(trust, 0o555); err != nil {
			t.Fatal(err)
		}
		if err := h.target().TryWrite(t.Context()); err == nil || !strings.Contains(err.Error(), "may not write there") || !strings.Contains(err.Error(), "trust") {
			t.Errorf("the trial says %v", err)
		}
		if got := names(t, h.Folder) + " " + names(t, trust); got != "mirror.list server.list trust 1.trust" {
			t.Errorf("the host holds %s", got)
		}
	})
}

func TestTryWriteInterrupted(t *testing.T) {
	t.Parallel()
	onSome(t, func(t *testing.T, h *host) { publishtest.TriedInterrupted(t, h.newFolder) })
}

// TestTryWriteSweeps: the next trial removes what one has left, in each folder,
// and nothing that a run may be using.
func TestTryWriteSweeps(t *testing.T) {
	t.Parallel()
	h := programs[0].plain(t, testenv.FTPOptions{})
	mustSet(t, h.target(), small())
	for _, name := range []string{"part.ABCDEFGHIJKLMNOP.try", "part.ABCDEFGHIJKLMNO2.t", "part.ABC", "trust/part.ABCDEFGHIJKLMNOP.try",
		"part.ABCDEFGHIJKLMNOP.server.list", "part.old.server.list", "trust/part.ABCDEFGHIJKLMNOP.2.trust", "part.jpg"} {
		if err := os.WriteFile(filepath.Join(h.Folder, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h.Own(t, h.Folder)
	if err := h.target().TryWrite(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "mirror.list part.ABCDEFGHIJKLMNOP.server.list part.jpg part.old.server.list server.list trust 1.trust part.ABCDEFGHIJKLMNOP.2.trust"
	if got := names(t, h.Folder) + " " + names(t, filepath.Join(h.Folder, "trust")); got != want {
		t.Errorf("the host holds %s, want %s", got, want)
	}
}

// TestOtherCodes: 250 is as good an answer to a transfer as 226.
func TestOtherCodes(t *testing.T) {
	t.Parallel()
	h := programs[0].plain(t, testenv.FTPOptions{})
	target := h.target()
	target.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return otherCodes{c}, err
	}
	docs := small()
	mustSet(t, target, docs)
	if report := mustSet(t, target, docs); report.Changed() {
		t.Errorf("it was written again: %+v", report)
	}
	if err := target.TryWrite(t.Context()); err != nil {
		t.Error(err)
	}
}

type otherCodes struct{ net.Conn }

func (c otherCodes) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	copy(p, bytes.ReplaceAll(p[:n], []byte("226 "), []byte("250 ")))
	return n, err
}

// TestGiveUpAfter: a host that says nothing is given up after the time that was
// asked for, which the message names; the target itself stays patient.
func TestGiveUpAfter(t *testing.T) {
	t.Parallel()
	patient := answer(t, login)
	for _, after := range []int64{0, 5} { // bytes: while connecting, and in the greeting
		patient.Dial = publishtest.NewLine(t, publishtest.Silent, after).Dial
		hasty := publish.GiveUpAfter(patient, 50*time.Millisecond)
		if _, err := hasty.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "50ms") {
			t.Errorf("after %d bytes: %v", after, err)
		}
	}
	if patient.IdleTimeout != 0 || patient.ConnectTimeout != 0 {
		t.Error("the target itself has changed")
	}
	short := &ftp.Target{IdleTimeout: time.Second, ConnectTimeout: time.Second}
	if same := publish.GiveUpAfter(short, time.Minute).(*ftp.Target); same.IdleTimeout != time.Second || same.ConnectTimeout != time.Second {
		t.Errorf("a time that is shorter already became %v, %v", same.IdleTimeout, same.ConnectTimeout)
	}
	if err := publish.TryWrite(t.Context(), untried{}); !errors.Is(err, publish.ErrUntried) {
		t.Errorf("a target that cannot be tried: %v", err)
	}
}

// untried is a target that knows no trial.
type untried struct{ publish.Target }
