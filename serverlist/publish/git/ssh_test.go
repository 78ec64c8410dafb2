package git_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/git"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
)

// A sshHost is a real sshd with bare repositories.
type sshHost struct {
	*testenv.SSHDServer
	key string
}

func newSSHHost(t *testing.T) *sshHost {
	t.Helper()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	accounts, err := os.ReadFile("/etc/passwd")
	if err == nil && regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(s.User)+`:.*/(nologin|false)$`).Match(accounts) {
		testenv.Unable(t, "the account of this user runs no commands over ssh")
	}
	// The repositories belong to who runs the test, who may not be who logs in.
	trust := []byte("[safe]\n\tdirectory = *\n")
	if err := os.WriteFile(filepath.Join(s.Home, ".gitconfig"), trust, 0o644); err != nil {
		t.Fatal(err)
	}
	return &sshHost{s, s.NewKey(t, "ed25519", "")}
}

// target makes a new repository on the host.
func (h *sshHost) target(t *testing.T) git.Target {
	t.Helper()
	dir, err := os.MkdirTemp(h.Home, "repository-")
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "pages.git")
	run(t, "", "init", "--quiet", "--bare", dir)
	run(t, dir, "config", "uploadpack.allowFilter", "true")
	run(t, dir, "config", "core.sharedRepository", "0666")
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o777), openToAll(dir)); err != nil {
		t.Fatal(err)
	}
	return git.Target{Remote: "ssh://" + h.User + "@" + h.Address + dir, Branch: "pages", KeyFile: h.key, KnownHosts: h.HostKeys}
}

// over returns the target as it is reached through a dialer: git dials by
// itself, so a port of this machine stands in front of the host.
func (h *sshHost) over(t *testing.T, target git.Target, dial publishtest.DialFunc) git.Target {
	t.Helper()
	front := forward(t, h.Address, dial)
	known, err := os.ReadFile(h.HostKeys)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(h.Address, ":")
	_, frontPort, _ := strings.Cut(front, ":")
	target.KnownHosts = filepath.Join(t.TempDir(), "known hosts of 100%") // an awkward name
	line := strings.ReplaceAll(string(known), "]:"+port+" ", "]:"+frontPort+" ")
	if err := os.WriteFile(target.KnownHosts, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	target.Remote = strings.Replace(target.Remote, h.Address, front, 1)
	return target
}

// forward listens on a port and carries what comes to an address.
func forward(t *testing.T, address string, dial publishtest.DialFunc) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { carry(ctx, near, address, dial) })
		}
	})
	t.Cleanup(func() {
		cancel()
		listener.Close()
		all.Wait()
	})
	return listener.Addr().String()
}

func carry(ctx context.Context, near net.Conn, address string, dial publishtest.DialFunc) {
	defer near.Close()
	stop := context.AfterFunc(ctx, func() { near.Close() })
	defer stop()
	far, err := dial(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer far.Close()
	stopFar := context.AfterFunc(ctx, func() { far.Close() })
	defer stopFar()
	var back sync.WaitGroup
	back.Go(func() {
		io.Copy(near, far)
		near.Close()
	})
	io.Copy(far, near)
	far.Close()
	back.Wait()
}

// openToAll lets who logs in write to what the test has made.
func openToAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.Chmod(path, 0o777)
		}
		return os.Chmod(path, 0o666)
	})
}

// A direct target reads what a bare repository on this machine holds without
// any of our code, which is also much faster.
type direct struct {
	t *testing.T
	git.Target
}

func (d direct) Open(context.Context) (publish.Session, error) { return &directSession{direct: d}, nil }

type directSession struct {
	direct
	publish.Session // for writing; nil: nothing was written
}

func (s *directSession) Read(_ context.Context, name string) (io.ReadCloser, error) {
	cmd := exec.Command(testenv.Program(s.t, "git"), "--git-dir", s.Remote, "cat-file", "blob", "refs/heads/"+s.Branch+":"+name)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if text := complaint.String(); err != nil && (strings.Contains(text, "does not exist in") || strings.Contains(text, "invalid object name")) {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(out)), err
}

func (s *directSession) Write(ctx context.Context, name string, data []byte) error {
	if s.Session == nil {
		session, err := s.Target.Open(ctx)
		if err != nil {
			return err
		}
		s.Session = session
	}
	return s.Session.Write(ctx, name, data)
}

func (s *directSession) Close() error {
	if s.Session == nil {
		return nil
	}
	return s.Session.Close()
}

func (h *sshHost) faulty() publishtest.OpenFunc {
	return func(t *testing.T, dial publishtest.DialFunc) (faulty, clean publish.Target) {
		target := h.target(t)
		through := h.over(t, target, dial)
		return through, direct{t, git.Target{Remote: strings.TrimPrefix(target.Remote, "ssh://"+h.User+"@"+h.Address), Branch: target.Branch}}
	}
}

// TestContractSSH runs the contract over a real sshd. A sweep adds that each
// operation in turn fails, of which the next tests do the greater part.
func TestContractSSH(t *testing.T) {
	t.Parallel()
	contract := publishtest.Promises
	if publishtest.Sweep() {
		contract = publishtest.Contract
	}
	h := newSSHHost(t)
	contract(t, func(t *testing.T) publish.Target { return h.target(t) })
}

func TestInterruptedSSH(t *testing.T) {
	t.Parallel()
	publishtest.Interrupted(t, publishtest.AllowNothing, newSSHHost(t).faulty())
}

func TestSilencedSSH(t *testing.T) {
	t.Parallel()
	publishtest.Silenced(t, publishtest.AllowNothing, newSSHHost(t).faulty(), func(faulty publish.Target) publish.Target {
		target := faulty.(git.Target)
		target.Timeout = 20 * time.Second
		return target
	})
}

func TestCancelledSSH(t *testing.T) {
	t.Parallel()
	publishtest.Cancelled(t, publishtest.AllowNothing, newSSHHost(t).faulty())
}

func fails(t *testing.T, target git.Target, want ...string) error {
	t.Helper()
	s, err := target.Open(t.Context())
	if err == nil {
		s.Close()
		t.Errorf("no error, want one with %q", want)
		return nil
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %v, want an error with %q", err, w)
		}
	}
	return err
}

func TestSSHLogin(t *testing.T) {
	t.Parallel()
	h := newSSHHost(t)
	target := h.target(t)
	docs := documents(1)[0]
	set(t, target, docs)
	if set(t, target, docs).Changed() {
		t.Error("an unchanged set was written again")
	}

	wrong := target
	wrong.KeyFile = filepath.Join(t.TempDir(), "stranger")
	if _, err := keyfile.Create(wrong.KeyFile, "stranger", nil); err != nil {
		t.Fatal(err)
	}
	fails(t, wrong, "Permission denied", "ssh-keygen -y -f "+wrong.KeyFile, "deploy key")

	wrong.KeyFile = filepath.Join(t.TempDir(), "encrypted")
	if _, err := keyfile.Create(wrong.KeyFile, "encrypted", []byte("correct horse")); err != nil {
		t.Fatal(err)
	}
	if err := fails(t, wrong, "ssh-agent"); !errors.Is(err, keyfile.ErrNeedsPassphrase) {
		t.Errorf("an encrypted key: %v", err)
	}
	wrong.KeyFile = `/tmp/"quoted"`
	fails(t, wrong, "there is no key file")

	wrong = target
	wrong.Remote += "-away"
	fails(t, wrong, "is the path of the remote right")
}

func TestSSHHostKeys(t *testing.T) {
	t.Parallel()
	h, other := newSSHHost(t), newSSHHost(t)
	target := h.target(t)
	target.KnownHosts = filepath.Join(t.TempDir(), "known_hosts")
	fails(t, target, "not known yet", "ssh-keyscan", target.KnownHosts)
	known, err := os.ReadFile(other.HostKeys)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(h.Address, ":")
	_, key, _ := strings.Cut(string(known), " ")
	if err := os.WriteFile(target.KnownHosts, fmt.Appendf(nil, "[127.0.0.1]:%s %s", port, key), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, target, "HOST'S KEY HAS CHANGED", "Nothing was sent")
}
