package issue_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
)

// chainInFolder is what a root finds in its public folder when it starts.
func (w *world) chainInFolder() *keys.Chain {
	w.t.Helper()
	return must(readChain(w.public()))(w.t)
}

func readChain(public string) (*keys.Chain, error) {
	var chain *keys.Chain
	for n := 1; ; n++ {
		data, err := os.ReadFile(filepath.Join(public, "trust", fmt.Sprintf("%d.trust", n)))
		switch {
		case errors.Is(err, fs.ErrNotExist) && n > 1:
			return chain, nil
		case err != nil:
			return nil, err
		case n == 1:
			chain, err = keys.NewChain(data)
		default:
			chain, err = chain.Extend(data)
		}
		if err != nil {
			return nil, err
		}
	}
}

// restarted returns a publisher on what is in the folder, restored.
func (w *world) restarted() *issue.Publisher {
	w.t.Helper()
	p := w.publisher(func(c *issue.Config) { c.Chain = w.chainInFolder() })
	if err := p.Restore(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// Everything of a new trust document goes out in the order in which readers
// need it, and is served together when all of it is on disk.
func TestOrderOfTrust(t *testing.T) { inBubble(t, orderOfTrust) }

func orderOfTrust(t *testing.T, w *world) {
	p := w.published(1)
	before := p.Documents()
	var written []string
	p.SetWriter(func(path string, data []byte) error {
		if !slices.Equal(p.Documents(), before) {
			t.Errorf("before %s is written, something new is served", path)
		}
		name, err := filepath.Rel(w.public(), path)
		written = append(written, filepath.ToSlash(name))
		return errors.Join(err, issue.WritePublic(path, data))
	})
	document := w.nextTrust(revoke(w.list), w.rotation())
	must(p.PublishTrust(t.Context(), document, "alice"))(t)
	if got := strings.Join(written, " "); got != "trust/2.trust mirror.list server.list" {
		t.Errorf("written: %s", got)
	}
	w.accept(document)
	w.checkTrust(p)
}

// Between any two steps: what was served stays served as a whole, and the same
// process or the next one completes it without a second edition.
func TestCrashWithinTrust(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"2.trust", "mirror.list", "server.list"} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/restart=%v", file, restart), func(t *testing.T) {
				inBubble(t, func(t *testing.T, w *world) {
					p := w.published(2)
					before := p.Documents()
					document := w.nextTrust(revoke(w.list), w.rotation())
					killAt(p, file)
					if _, err := p.PublishTrust(t.Context(), document, "alice"); !errors.Is(err, issue.ErrUnfinished) || !errors.Is(err, errKilled) {
						t.Fatal(err)
					}
					if !slices.Equal(p.Documents(), before) {
						t.Error("what is served has changed in part")
					}
					if restart {
						p = w.restarted()
					} else {
						p.SetWriter(issue.WritePublic)
						w.publish(p, servers)
					}
					w.accept(document)
					w.checkTrust(p)
					w.publish(p, mirrors)
					w.publish(p, servers)
					w.check(p, servers, "s1", "s2")
					if n, m := w.editions(servers), w.editions(mirrors); n != 2 || m != 2 {
						t.Errorf("%d editions of the server list and %d of the mirror list, want 2 of each", n, m)
					}
				})
			})
		}
	}
}

// killAt makes a publisher die when it writes a file.
func killAt(p *issue.Publisher, name string) {
	p.SetWriter(func(path string, data []byte) error {
		if strings.HasSuffix(path, name) {
			return errKilled
		}
		return issue.WritePublic(path, data)
	})
}

// A failure after the document is in force is retried by Run, without a call.
func TestUnfinishedTrustIsRetried(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.publisher()
		run(t, p)
		document := w.nextTrust(w.rotation())
		var failures atomic.Int64
		p.SetWriter(func(path string, data []byte) error {
			if failures.Add(1) <= 3 {
				return errFull
			}
			return issue.WritePublic(path, data)
		})
		if _, err := p.PublishTrust(t.Context(), document, "alice"); !errors.Is(err, issue.ErrUnfinished) {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := failures.Load(); n < 4 {
			t.Errorf("%d tries to write", n)
		}
		w.accept(document)
		w.checkTrust(p)
	})
}

// rotateDir and rotateUntil are the environment variables that make a copy of
// the test program rotate the list key, and kill itself when it is about to
// write a file.
const (
	rotateDir   = "ISSUE_ROTATE_DIR"
	rotateUntil = "ISSUE_ROTATE_UNTIL"
)

func rotateAndDie() {
	dir := os.Getenv(rotateDir)
	if dir == "" {
		return
	}
	fmt.Fprintln(os.Stderr, rotate(dir, os.Getenv(rotateUntil)))
	os.Exit(1)
}

func rotate(dir, until string) error {
	ctx := context.Background()
	s, err := store.OpenSQLite(ctx, store.Config{Path: filepath.Join(dir, "root.db")})
	if err != nil {
		return err
	}
	admin, err := keyfile.Load(filepath.Join(dir, "admin.key"), origin+"/admin/alice", nil)
	if err != nil {
		return err
	}
	chain, err := readChain(filepath.Join(dir, "public"))
	if err != nil {
		return err
	}
	p, err := issue.New(ctx, issue.Config{Store: s, Chain: chain, Keys: keysIn(dir), Public: filepath.Join(dir, "public")})
	if err != nil {
		return err
	}
	document, err := rotated(dir, chain.Newest(), admin)
	if err != nil {
		return err
	}
	p.SetWriter(func(path string, data []byte) error {
		if strings.HasSuffix(path, until) {
			killMyself()
		}
		return issue.WritePublic(path, data)
	})
	_, err = p.PublishTrust(ctx, document, "child")
	return err
}

// killMyself does not return.
func killMyself() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// rotated makes a list key and a signed document that replaces the old one.
func rotated(dir string, last *keys.Trust, admin *keys.Signer) ([]byte, error) {
	n := last.Version + 1
	name := fmt.Sprintf("%s/list/%d-%d", origin, n, os.Getpid())
	signer, err := keyfile.Create(filepath.Join(dir, fmt.Sprintf("list-%d-%d.key", n, os.Getpid())), name, nil)
	if err != nil {
		return nil, err
	}
	next := *last
	next.Version = n
	next.Keys = []keys.VerifierKey{admin.VerifierKey(), signer.VerifierKey()}
	next.Roles = []keys.Role{last.Roles[0],
		{Name: "mirrors", Threshold: 1, Keys: []string{name}}, {Name: "list", Threshold: 1, Keys: []string{name}}}
	text, err := next.Encode()
	if err != nil {
		return nil, err
	}
	return keys.Sign(text, admin)
}

// keysIn finds keys in the files of a folder.
func keysIn(dir string) issue.KeyFinder {
	return func(able []keys.VerifierKey) (*keys.Signer, error) {
		files, err := filepath.Glob(filepath.Join(dir, "list*.key"))
		if err != nil {
			return nil, err
		}
		var ring []*keys.Signer
		for _, path := range files {
			public, err := keyfile.LoadPublic(path + keyfile.PublicSuffix)
			if err != nil {
				continue // its making was interrupted
			}
			signer, err := keyfile.Load(path, public.Name(), nil)
			if err != nil {
				return nil, err
			}
			ring = append(ring, signer)
		}
		return having(ring...)(able)
	}
}

// TestRotatorKilled kills a root without warning between the steps of a
// rotation. At every moment the folder holds lists that clients accept, and the
// next start completes what was in force.
func TestRotatorKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.useKeyFile()
	w.admin = must(keyfile.Create(filepath.Join(w.dir, "admin.key"), origin+"/admin/alice", nil))(t)
	w.trust.Keys[0] = w.admin.VerifierKey()
	w.chain = must(keys.NewChain(w.signTrust(w.trust)))(t)
	w.add(1)
	p := w.publisher(func(c *issue.Config) { c.Keys = keysIn(w.dir) })
	w.publish(p, mirrors)
	w.publish(p, servers)
	for n, file := range []string{".trust", "mirror.list", "server.list"} {
		cmd := exec.CommandContext(t.Context(), must(os.Executable())(t))
		cmd.Env = append(os.Environ(), rotateDir+"="+w.dir, rotateUntil+"="+file)
		if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() >= 0 && runtime.GOOS != "windows" {
			t.Fatalf("the child was not killed: %v: %s", err, out)
		}
		// As a reader of the folder, before anything repairs it: each list
		// holds under one of the documents that are there.
		w.chain = w.chainInFolder()
		for _, typ := range []string{mirrors, servers} {
			w.stored(typ)
		}
		p = w.publisher(func(c *issue.Config) { c.Keys, c.Chain = keysIn(w.dir), w.chain })
		if err := p.Restore(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.chain = w.chainInFolder()
		if v := w.chain.Newest().Version; v != int64(n)+2 {
			t.Errorf("killed before %s: trust document %d is the newest, want %d", file, v, n+2)
		}
		w.checkTrust(p)
		w.check(p, servers, "s1")
	}
}
