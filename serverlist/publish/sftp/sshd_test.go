package sftp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/publish/sftp"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

const t0 = 1_793_000_000 // a version

// without refuses the extensions that a plain server lacks.
const without = "-P posix-rename,fsync"

// targetOn returns a target in a folder of its own on the server.
func targetOn(t *testing.T, s *testenv.SSHDServer, folder string) sftp.Target {
	t.Helper()
	return sftp.Target{Address: s.Address, Folder: folder, User: s.User, KeyFile: s.NewKey(t, "ed25519", ""), KnownHosts: s.HostKeys}
}

// fresh returns a function that makes empty targets on one server, for the
// contract.
func fresh(s *testenv.SSHDServer, target sftp.Target) func(t *testing.T) publish.Target {
	var n atomic.Int64
	return func(*testing.T) publish.Target {
		number, own := n.Add(1), target // tests that run side by side share target
		own.Folder = fmt.Sprintf("www-%d/ms", number)
		if number%2 == 0 {
			own.Folder = path.Join(s.Home, own.Folder)
		}
		return own
	}
}

func TestContractOpenSSH(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	publishtest.Contract(t, fresh(s, targetOn(t, s, "")))
}

func TestContractOpenSSHWithoutExtensions(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{Subsystem: without})
	publishtest.Contract(t, fresh(s, targetOn(t, s, "")))
}

func set(t *testing.T, target publish.Target, docs publish.Documents) publish.Report {
	t.Helper()
	report, err := publish.Set(t.Context(), target, docs)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// documents returns sets of one root with versions t0, t0+1...
func documents(n int) []publish.Documents {
	root := publishtest.NewRoot(serverlisttest.Options{})
	var sets []publish.Documents
	for i := range n {
		sets = append(sets, root.Documents(t0+int64(i), "alpha", "beta"))
	}
	return sets
}

// wantFiles checks that a folder holds exactly these documents.
func wantFiles(t *testing.T, dir string, docs publish.Documents) {
	t.Helper()
	want := map[string][]byte{"mirror.list": docs.Mirrors.Bytes(), "server.list": docs.Servers.Bytes()}
	for _, d := range docs.Trust.Documents() {
		want[publish.TrustName(d.Version)] = d.Bytes()
	}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if !bytes.Equal(data, want[name]) {
			t.Errorf("%s is not what was published", name)
		}
		delete(want, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

// TestModes: a web server of another user must be able to read, whatever the
// umask of the account is.
func TestModes(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{Subsystem: "-u 077"})
	docs := documents(1)[0]
	set(t, targetOn(t, s, "new/ms"), docs)
	dir := filepath.Join(s.Home, "new", "ms")
	wantFiles(t, dir, docs)
	for name, want := range map[string]os.FileMode{
		".": 0o755 | os.ModeDir, "..": 0o755 | os.ModeDir, "trust": 0o755 | os.ModeDir,
		"trust/1.trust": 0o644, "mirror.list": 0o644, "server.list": 0o644,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
}

// TestLoginFolder publishes to the folder that a login starts in.
func TestLoginFolder(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	docs := documents(1)[0]
	set(t, targetOn(t, s, ""), docs)
	wantFiles(t, s.Home, docs)
}

// TestLeftovers: the temporary file of a killed run is used again by the same
// edition, an old one of another edition is removed, a young one and other
// files stay.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	target, docs := targetOn(t, s, "ms"), documents(1)[0]
	dir := filepath.Join(s.Home, "ms")
	name := filepath.Base(sftp.TemporaryName("server.list", docs.Servers.Bytes()))
	leave := map[string]time.Duration{ // name: age
		name:                                  time.Minute,
		".server.list.0123456789abcdef.part":  2 * time.Hour,
		".mirror.list.0123456789abcdef.part":  time.Minute,
		".server.list.0123456789abcdef.parts": 2 * time.Hour,
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, age := range leave {
		long := bytes.Repeat([]byte("left "), len(docs.Servers.Bytes()))
		at := time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(filepath.Join(dir, name), long, 0o600), os.Chtimes(filepath.Join(dir, name), at, at)); err != nil {
			t.Fatal(err)
		}
	}
	s.Own(t, dir)
	set(t, target, docs)
	entries, err := filepath.Glob(dir + "/.*")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{dir + "/.mirror.list.0123456789abcdef.part", dir + "/.server.list.0123456789abcdef.parts"}
	if fmt.Sprint(entries) != fmt.Sprint(want) {
		t.Errorf("left are %v, want %v", entries, want)
	}
	for _, name := range want {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	wantFiles(t, dir, docs)
}

// TestOddPaths lists what stands in the way of a document or its folder. In
// each case nothing may be published, and the message must say what to do.
func TestOddPaths(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	key := targetOn(t, s, "")
	docs := documents(1)[0]
	for name, c := range map[string]struct {
		prepare func(dir string) error
		folder  string // below the case's own
		want    string
	}{
		"folder is a file":        {func(dir string) error { return os.WriteFile(dir+"/f", nil, 0o644) }, "f", "is not a folder (a file)"},
		"folder below a file":     {func(dir string) error { return os.WriteFile(dir+"/f", nil, 0o644) }, "f/g", "is not a folder (a file)"},
		"folder is dangling":      {func(dir string) error { return os.Symlink("away", dir+"/l") }, "l", "a symbolic link to something that is not there"},
		"server.list is a link":   {func(dir string) error { return os.Symlink("/etc/hostname", dir+"/server.list") }, "", "a symbolic link): remove it"},
		"server.list is a folder": {func(dir string) error { return os.Mkdir(dir+"/server.list", 0o755) }, "", "a folder): remove it"},
		"trust is a file":         {func(dir string) error { return os.WriteFile(dir+"/trust", nil, 0o644) }, "", "is not a folder (a file)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp(s.Home, "odd-")
			if err := errors.Join(err, c.prepare(dir)); err != nil {
				t.Fatal(err)
			}
			s.Own(t, dir)
			target := key
			target.Folder = path.Join(dir, c.folder)
			if _, err := publish.Set(t.Context(), target, docs); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if left, _ := filepath.Glob(dir + "/*.list"); len(left) > 1 {
				t.Errorf("published nevertheless: %v", left)
			}
		})
	}
}

// TestFolderBehindALink: web hosts often give the served folder another name.
func TestFolderBehindALink(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	if err := errors.Join(os.Mkdir(s.Home+"/real", 0o755), os.Symlink("real", s.Home+"/www")); err != nil {
		t.Fatal(err)
	}
	s.Own(t, s.Home)
	docs := documents(1)[0]
	set(t, targetOn(t, s, "www"), docs)
	wantFiles(t, s.Home+"/real", docs)
}
