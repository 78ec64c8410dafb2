package issue_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

var errKilled = errors.New("killed here")

// killedAt returns a publisher that dies when it writes a file.
func (w *world) killedAt(name string) *issue.Publisher {
	p := w.publisher()
	killAt(p, name)
	return p
}

// Between the store and the public folder: the next start writes the file that
// is missing, and no second edition.
func TestCrashBeforeTheFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(w.publisher(), servers)
	ids := w.add(3)
	p := w.killedAt("server.list")
	if err := p.Publish(t.Context(), servers); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if d := p.Current(servers); d.Entries != 0 {
		t.Error("an edition is served that is not in the public folder")
	}
	if n := len(w.file(servers).Servers); n != 0 {
		t.Errorf("the file has %d entries", n)
	}
	p = w.restored()
	w.check(p, servers, ids...)
	w.publish(p, servers)
	if n := w.editions(servers); n != 2 {
		t.Errorf("%d editions, want 2", n)
	}
}

// The same within one process that goes on.
func TestFailedFileIsWrittenNextTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.add(1)
	p := w.killedAt("server.list")
	if err := p.Publish(t.Context(), servers); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	p.SetWriter(issue.WritePublic)
	w.publish(p, servers)
	w.check(p, servers, ids...)
	if n := w.editions(servers); n != 1 {
		t.Errorf("%d editions, want 1", n)
	}
}

// Trust documents come first: without them nobody could verify the list.
func TestCrashBeforeTheTrust(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.killedAt("1.trust").Publish(t.Context(), servers); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(w.public(), "server.list")); err == nil || w.editions(servers) != 0 {
		t.Error("a list was published without its trust document")
	}
	p := w.publisher()
	w.publish(p, servers)
	w.check(p, servers)
}

func TestRestoreRepairsTheFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.add(2)
	p := w.publisher()
	w.publish(p, mirrors)
	w.publish(p, servers)
	good := must(os.ReadFile(filepath.Join(w.public(), "server.list")))(t)
	damages := map[string]func(path string) error{
		"missing":   os.Remove,
		"empty":     func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"cut off":   func(path string) error { return os.WriteFile(path, good[:len(good)-1], 0o644) },
		"tampered":  func(path string) error { return os.WriteFile(path, append([]byte("x"), good[1:]...), 0o644) },
		"no folder": func(string) error { return os.RemoveAll(w.public()) },
	}
	for what, damage := range damages {
		for _, name := range []string{"server.list", "mirror.list", "trust/1.trust"} {
			if err := damage(filepath.Join(w.public(), name)); err != nil {
				t.Fatalf("%s %s: %v", what, name, err)
			}
			p := w.restored()
			w.check(p, servers, ids...)
			w.check(p, mirrors)
			checkServed(t, w, p)
		}
	}
	if n := w.editions(servers); n != 1 {
		t.Errorf("repairing made %d editions of one", n)
	}
}

// childDir is the environment variable that makes a copy of the test program
// publish until it is killed, and that names its folder.
const childDir = "ISSUE_CHILD_DIR"

func publishForEver() {
	dir := os.Getenv(childDir)
	if dir == "" {
		return
	}
	fmt.Fprintln(os.Stderr, approveAndPublish(dir))
	os.Exit(1)
}

// approveAndPublish prints every id that it has published.
func approveAndPublish(dir string) error {
	ctx := context.Background()
	s, err := store.OpenSQLite(ctx, store.Config{Path: filepath.Join(dir, "root.db")})
	if err != nil {
		return err
	}
	signer, err := keyfile.Load(filepath.Join(dir, "list.key"), origin+"/list/fra", nil)
	if err != nil {
		return err
	}
	pinned, err := os.ReadFile(filepath.Join(dir, "1.trust"))
	if err != nil {
		return err
	}
	chain, err := keys.NewChain(pinned)
	if err != nil {
		return err
	}
	p, err := issue.New(ctx, issue.Config{Store: s, Chain: chain, Keys: having(signer), Public: filepath.Join(dir, "public")})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		r, err := s.Register(ctx, request(fmt.Sprintf("%d-%d", os.Getpid(), i)), store.Limits{Queue: -1})
		if err != nil {
			return err
		}
		e, err := s.Approve(ctx, store.Approval{Registration: r.ID, Admin: "child"})
		if err != nil {
			return err
		}
		if err := p.Publish(ctx, serverlist.TypeServerList); err != nil {
			return err
		}
		fmt.Println(e.Server.ID)
	}
}

// TestKilled kills a publisher without warning. What it had published must be
// in the public folder, verified, before anything restores it; and it goes on
// from there.
func TestKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.useKeyFile()
	var published []string
	for range 2 {
		published = append(published, runAndKill(t, w.dir)...)
		var listed []string
		for _, s := range w.file(servers).Servers {
			listed = append(listed, s.ID)
		}
		for _, id := range published {
			if !slices.Contains(listed, id) {
				t.Errorf("%s was published and is not in the file", id)
			}
		}
		p := w.publisher()
		w.publish(p, servers)
		if n := p.Current(servers).Entries; n < len(published) {
			t.Errorf("%d entries after the restart, %d before", n, len(published))
		}
	}
}

// useKeyFile puts keys and trust on disk for a child.
func (w *world) useKeyFile() {
	w.t.Helper()
	w.list = must(keyfile.Create(filepath.Join(w.dir, "list.key"), origin+"/list/fra", nil))(w.t)
	w.ring = []*keys.Signer{w.list}
	w.trust.Keys[1] = w.list.VerifierKey()
	pinned := w.signTrust(w.trust)
	w.chain = must(keys.NewChain(pinned))(w.t)
	if err := os.WriteFile(filepath.Join(w.dir, "1.trust"), pinned, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// runAndKill returns what the child had published when it was killed.
func runAndKill(t *testing.T, dir string) (published []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), must(os.Executable())(t))
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out := must(cmd.StdoutPipe())(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		published = append(published, strings.TrimSpace(line))
		if len(published) == 2 {
			cmd.Process.Kill()
		}
	}
	if len(published) == 0 {
		t.Fatal("the child published nothing")
	}
	return published
}
