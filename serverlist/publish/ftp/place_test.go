package ftp_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/ftp"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestForbiddenIsNotAbsent: a document that may not be read must not be taken
// for one that is not there, or an older edition replaces it.
func TestForbiddenIsNotAbsent(t *testing.T) {
	t.Parallel()
	root := publishtest.NewRoot(serverlisttest.Options{})
	newer, older := root.Documents(t0+1, "alpha"), root.Documents(t0, "alpha")
	onEach(t, testenv.FTPOptions{}, func(t *testing.T, h *host) {
		target := h.target()
		target.Folder = "web"
		mustSet(t, target, newer)
		for _, rights := range []map[string]fs.FileMode{
			{"server.list": 0}, {"mirror.list": 0}, {"trust/1.trust": 0},
			{"trust": 0}, {"trust": 0o444}, {"trust": 0o111, "trust/1.trust": 0},
			{".": 0}, {".": 0o444}, {".": 0o111, "server.list": 0}, {".": 0o333, "mirror.list": 0},
		} {
			change := func(normal fs.FileMode) {
				for _, name := range order(normal) {
					if mode, ok := rights[name]; ok {
						if err := os.Chmod(filepath.Join(h.Folder, "web", name), mode|normal); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			change(0)
			report, err := publish.Set(t.Context(), target, older)
			if err == nil || report.Changed() {
				t.Errorf("with rights %v: error %v, report %+v", rights, err, report)
			}
			t.Logf("%v: %v", rights, err)
			change(0o755)
		}
		held, err := publish.ReadBack(t.Context(), target, newer.Trust)
		if err != nil || !held.Servers.Same(newer.Servers) || !held.Mirrors.Same(newer.Mirrors) {
			t.Errorf("the host does not hold what it held before: %v", err)
		}
	})
}

// TestLeftOver: what killed runs have left is removed by the next that writes,
// and nothing that somebody else has put there.
func TestLeftOver(t *testing.T) {
	t.Parallel()
	root := publishtest.NewRoot(serverlisttest.Options{})
	onEach(t, testenv.FTPOptions{}, func(t *testing.T, h *host) {
		mustSet(t, h.target(), root.Documents(t0, "alpha"))
		for _, name := range []string{"part.ABCDEFGHIJKLMNOP.server.list", "part.ABC", "part.old.mirror.list", "trust/part.ABCDEFGHIJKLMNO2.1.trust",
			"part.old.x", "part.Holiday.jpg", "server.list.old", "part", "trust/2.trust.bak"} {
			if err := os.WriteFile(filepath.Join(h.Folder, name), []byte("half"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		h.Own(t, h.Folder)
		root.Rotate(true)
		mustSet(t, h.target(), root.Documents(t0+int64(root.Chain().Newest().Version), "alpha"))
		if got, want := names(t, h.Folder), "mirror.list part part.Holiday.jpg part.old.x server.list server.list.old trust"; got != want {
			t.Errorf("the folder holds %s, want %s", got, want)
		}
		if got := names(t, filepath.Join(h.Folder, "trust")); strings.Contains(got, "part.") || !strings.Contains(got, "2.trust.bak") {
			t.Errorf("trust/ holds %s", got)
		}
	})
}

// TestMovedAside: the only copy of a document, moved aside by a run that was
// killed, is put back before anything is judged.
func TestMovedAside(t *testing.T) {
	t.Parallel()
	root := publishtest.NewRoot(serverlisttest.Options{})
	newer, older := root.Documents(t0+1, "alpha"), root.Documents(t0, "alpha")
	onEach(t, testenv.FTPOptions{}, func(t *testing.T, h *host) {
		mustSet(t, h.target(), newer)
		if err := os.Rename(h.Folder+"/server.list", h.Folder+"/part.old.server.list"); err != nil {
			t.Fatal(err)
		}
		if report := mustSet(t, h.target(), older); report.Changed() {
			t.Errorf("an older edition was published: %+v", report)
		}
		if got, want := names(t, h.Folder), "mirror.list server.list trust"; got != want {
			t.Errorf("the folder holds %s, want %s", got, want)
		}
	})
}

// TestNoRenameOver runs against a host that refuses to rename over a file.
func TestNoRenameOver(t *testing.T) {
	t.Parallel()
	p := programs[1]
	h := p.plain(t, testenv.FTPOptions{Config: []string{"AllowOverwrite off"}})
	t.Run("contract", func(t *testing.T) {
		t.Parallel()
		publishtest.Contract(t, func(t *testing.T) publish.Target {
			_, clean := h.newFolder(t, nil)
			return clean
		})
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		// The next session puts a document back, but not if the command that
		// moved it aside was cut and carried out all the same.
		publishtest.Interrupted(t, publishtest.AllowAbsent, h.newFolder)
	})
}

// TestCutCommands cuts the connection within a command. proftpd then carries
// out what has arrived: "STOR server.list" of "STOR server.list.part", say.
// Nothing outside of the folder may come of it.
func TestCutCommands(t *testing.T) {
	t.Parallel()
	h := programs[1].plain(t, testenv.FTPOptions{})
	root := publishtest.NewRoot(serverlisttest.Options{})
	older, newer := root.Documents(t0, "alpha"), root.Documents(t0+1, "beta")
	for _, command := range []string{"STOR", "RNFR", "RNTO", "DELE"} {
		for _, without := range []int{4, 10, 15, 25, 37} { // with the path before the name, 15 of RNTO and 37 of STOR would end outside
			faulty, clean := h.newFolder(t, func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := new(net.Dialer).DialContext(ctx, network, address)
				return &cutConn{c, command + " ", without}, err
			})
			mustSet(t, clean, older)
			if command == "DELE" {
				leave(t, h, clean.(*ftp.Target).Folder, "part.ABCDEFGHIJKLMNOP.server.list")
			}
			if _, err := publish.Set(t.Context(), faulty, newer); err == nil {
				t.Fatalf("%s was not cut", command)
			}
			held, err := publish.ReadBack(t.Context(), clean, older.Trust)
			if err != nil || held.Mirrors == nil || !held.Mirrors.Same(older.Mirrors) && !held.Mirrors.Same(newer.Mirrors) || !held.Servers.Same(older.Servers) {
				t.Errorf("%s without its last %d bytes leaves %+v, %v", command, without, held, err)
			}
			mustSet(t, clean, newer)
			outside := filepath.Join(h.Folder, filepath.Dir(clean.(*ftp.Target).Folder))
			if got := names(t, outside); got != "ms" {
				t.Errorf("%s without its last %d bytes leaves %q beside the folder", command, without, got)
			}
		}
	}
	if got := names(t, h.Folder); strings.Trim(got, "web 0123456789") != "" {
		t.Errorf("the account's folder holds %q", got)
	}
}

// leave puts a file into a folder of the host.
func leave(t *testing.T, h *host, folder, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.Folder, folder, name), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	h.Own(t, h.Folder)
}

// A cutConn ends within a command. At least one byte of the name arrives.
type cutConn struct {
	net.Conn
	command string // with the space
	without int    // bytes, the last
}

func (c *cutConn) Write(p []byte) (int, error) {
	if !strings.HasPrefix(string(p), c.command) {
		return c.Conn.Write(p)
	}
	if _, err := c.Conn.Write(p[:max(len(c.command)+1, len(p)-c.without)]); err != nil {
		return 0, err
	}
	return 0, errors.Join(io.ErrClosedPipe, c.Conn.Close())
}

func TestNoRenameAtAll(t *testing.T) {
	t.Parallel()
	root := publishtest.NewRoot(serverlisttest.Options{})
	for _, h := range []*host{
		programs[0].plain(t, testenv.FTPOptions{Config: []string{"cmds_denied=RNFR,RNTO"}}),
		programs[2].plain(t, testenv.FTPOptions{Config: []string{"-G"}}),
	} {
		wantError(t, h.target(), root.Documents(t0, "alpha"), "rename")
		if got := names(t, filepath.Join(h.Folder, "trust")); got != "" {
			t.Errorf("trust/ holds %s", got)
		}
	}
}

// TestPassiveAddress: a host behind address translation tells an address of its
// own network, which leads nowhere or to somebody else.
func TestPassiveAddress(t *testing.T) {
	t.Parallel()
	h := programs[0].plain(t, testenv.FTPOptions{Config: []string{"cmds_denied=EPSV", "pasv_address=192.0.2.7"}})
	mustSet(t, h.target(), small())
}

// TestASCII publishes to a host that converts line ends although binary
// transfer is asked for: "TYPE I" arrives as "TYPE A".
func TestASCII(t *testing.T) {
	t.Parallel()
	h := programs[0].plain(t, testenv.FTPOptions{Config: []string{"ascii_upload_enable=YES", "ascii_download_enable=YES"}})
	target := h.target()
	target.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return asciiConn{c}, err
	}
	docs := small()
	for _, want := range []publish.State{publish.Written, publish.Unchanged} {
		for _, o := range mustSet(t, target, docs).Documents {
			if o.State != want || !strings.Contains(o.Detail, "binary transfer") {
				t.Errorf("%+v: want %s, with a detail about line ends", o, want)
			}
		}
	}
}

type asciiConn struct{ net.Conn }

func (c asciiConn) Write(p []byte) (int, error) {
	if string(p) == "TYPE I\r\n" {
		p = []byte("TYPE A\r\n")
	}
	return c.Conn.Write(p)
}

// TestBigReadIsLeft reads the beginning of a large file and goes on.
func TestBigReadIsLeft(t *testing.T) {
	t.Parallel()
	onEach(t, testenv.FTPOptions{}, func(t *testing.T, h *host) {
		if err := os.WriteFile(h.Folder+"/server.list", make([]byte, 20<<20), 0o644); err != nil {
			t.Fatal(err)
		}
		h.Own(t, h.Folder)
		s, err := h.target().Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for range 3 {
			r, err := s.Read(t.Context(), publish.ServerList)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
				t.Error(err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if _, err := s.Read(t.Context(), publish.MirrorList); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v", err)
			}
		}
	})
}

// order is that in which rights can be taken away, or given back.
func order(giveBack fs.FileMode) []string {
	all := []string{"server.list", "mirror.list", "trust/1.trust", "trust", "."}
	if giveBack != 0 {
		slices.Reverse(all)
	}
	return all
}
