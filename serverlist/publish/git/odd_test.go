package git_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/git"
)

// TestRace: other files that were pushed meanwhile are kept, also when the
// publication replaces the one before; other documents end the session.
func TestRace(t *testing.T) {
	t.Parallel()
	remote := bare(t, true)
	target, sets := git.Target{Remote: remote, Branch: "pages"}, documents(5)
	set(t, target, sets[0])
	for i, meanwhile := range []map[string]string{{"CNAME": "a"}, {"CNAME": "b"}} {
		s := begin(t, target, sets[i+1])
		owner(t, remote, "pages", meanwhile)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if show(t, remote, "CNAME") != meanwhile["CNAME"] || show(t, remote, "server.list") != string(sets[i+1].Servers.Bytes()) {
			t.Error("one of two pushes was lost")
		}
	}
	s := begin(t, target, sets[3])
	set(t, target, sets[4])
	if err := s.Close(); !errors.Is(err, git.ErrRace) {
		t.Errorf("two publications at a time: %v", err)
	}
	if show(t, remote, "server.list") != string(sets[4].Servers.Bytes()) || show(t, remote, "CNAME") != "b" {
		t.Error("the first of two publications was lost")
	}
}

// begin opens a session and writes a server list.
func begin(t *testing.T, target git.Target, docs publish.Documents) publish.Session {
	t.Helper()
	s, err := target.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Write(t.Context(), publish.ServerList, docs.Servers.Bytes()); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRaceForNewBranch: two who both find no branch.
func TestRaceForNewBranch(t *testing.T) {
	t.Parallel()
	remote := bare(t, true)
	target, sets := git.Target{Remote: remote, Branch: "pages"}, documents(2)
	s := begin(t, target, sets[0])
	set(t, target, sets[1])
	if err := s.Close(); !errors.Is(err, git.ErrRace) {
		t.Errorf("got %v", err)
	}
	if show(t, remote, "server.list") != string(sets[1].Servers.Bytes()) {
		t.Error("the first publication was lost")
	}
}

func TestSHA256Repository(t *testing.T) {
	t.Parallel()
	remote := bare(t, true, "--object-format=sha256")
	target, sets := git.Target{Remote: remote, Branch: "pages"}, documents(2)
	if _, err := publish.Set(t.Context(), target, sets[0]); err == nil || !strings.Contains(err.Error(), "push a first commit") {
		t.Errorf("an empty repository, which does not tell what it uses: %v", err)
	}
	work := filepath.Join(t.TempDir(), "work")
	run(t, "", "init", "--quiet", "--object-format=sha256", work)
	run(t, work, "commit", "--quiet", "--allow-empty", "--message", "site")
	run(t, work, "push", "--quiet", remote, "HEAD:pages")
	set(t, target, sets[0])
	set(t, target, sets[1])
	if show(t, remote, "server.list") != string(sets[1].Servers.Bytes()) {
		t.Error("server.list is not what was published")
	}
}

// TestHostRefuses: a rule of the host, here a hook, refuses the push. The
// hooks of this machine's user would do nothing.
func TestHostRefuses(t *testing.T) {
	t.Parallel()
	remote := bare(t, true)
	target, sets := git.Target{Remote: remote, Branch: "pages"}, documents(2)
	set(t, target, sets[0])
	hook := "#!/bin/sh\necho 'no pushes on Sundays' >&2\nexit 1\n"
	testenv.WriteProgram(t, filepath.Join(remote, "hooks", "pre-receive"), []byte(hook))
	_, err := publish.Set(t.Context(), target, sets[1])
	if err == nil || !strings.Contains(err.Error(), "no pushes on Sundays") || !strings.Contains(err.Error(), "host's settings") {
		t.Errorf("got %v", err)
	}
	if show(t, remote, "server.list") != string(sets[0].Servers.Bytes()) {
		t.Error("the branch has changed")
	}
}

// TestOddTrees lists what stands in the way of a document or its folder.
func TestOddTrees(t *testing.T) {
	t.Parallel()
	docs := documents(1)[0]
	for name, c := range map[string]struct {
		files  map[string]string
		link   string
		folder string
		want   string
	}{
		"server.list is a folder": {map[string]string{"server.list/x": ""}, "", "", "server.list in branch pages is not a file (a folder)"},
		"server.list is a link":   {map[string]string{"x": ""}, "server.list", "", "server.list in branch pages is not a file (a symbolic link)"},
		"trust is a file":         {map[string]string{"trust": ""}, "", "", "in the place of a folder"},
		"trust is a link":         {map[string]string{"x": ""}, "trust", "", "in the place of a folder"},
		"folder is a file":        {map[string]string{"ms": ""}, "", "ms", "in the place of a folder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote := bare(t, true)
			owner(t, remote, "pages", c.files)
			if c.link != "" {
				dir := filepath.Join(t.TempDir(), "work")
				run(t, "", "clone", "--quiet", "--branch", "pages", remote, dir)
				if err := os.Symlink("/etc/hostname", filepath.Join(dir, c.link)); err != nil {
					t.Fatal(err)
				}
				run(t, dir, "add", "--all")
				run(t, dir, "commit", "--quiet", "--message", "link")
				run(t, dir, "push", "--quiet")
			}
			before := run(t, remote, "rev-parse", "pages")
			_, err := publish.Set(t.Context(), git.Target{Remote: remote, Branch: "pages", Folder: c.folder}, docs)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "remove it") {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if run(t, remote, "rev-parse", "pages") != before {
				t.Error("the branch has changed")
			}
		})
	}
}

// TestConfiguration lists what is wrong before any host is asked.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	good := git.Target{Remote: "https://host.example.org/pages.git", Branch: "pages"}
	for want, change := range map[string]func(*git.Target){
		"has no remote":                  func(t *git.Target) { t.Remote = "" },
		"not the address":                func(t *git.Target) { t.Remote = "ext::sh -c id" },
		"is not the address of":          func(t *git.Target) { t.Remote = "--upload-pack=id" },
		"git remotes are":                func(t *git.Target) { t.Remote = "git://host.example.org/pages.git" },
		"has credentials in it":          func(t *git.Target) { t.Remote = "https://u:Tr0ub4dor@host.example.org/pages.git" },
		"has no branch":                  func(t *git.Target) { t.Branch = "" },
		"cannot be the name of a branch": func(t *git.Target) { t.Branch = "a..b" },
		`"-f" cannot`:                    func(t *git.Target) { t.Branch = "-f" },
		"is not a folder of a branch":    func(t *git.Target) { t.Folder = "../x" },
		`".git/hooks" is not a folder`:   func(t *git.Target) { t.Folder = ".git/hooks" },
		`"/ms" is not a folder`:          func(t *git.Target) { t.Folder = "/ms" },
		"the author":                     func(t *git.Target) { t.AuthorName = "a <b" },
		"of use for https": func(t *git.Target) {
			t.Remote, t.Password = "/srv/pages.git", func() (string, error) { return "x", nil }
		},
		"needs the git program":      func(t *git.Target) { t.Program = "no-git-here" },
		"empty or has more than one": func(t *git.Target) { t.Password = func() (string, error) { return "a\nb", nil } },
		"asking for the password":    func(t *git.Target) { t.Password = func() (string, error) { return "", errors.New("no terminal") } },
		"there is no key file":       func(t *git.Target) { t.KeyFile = "/nonexistent" },
	} {
		target := good
		change(&target)
		noSecret(t, fails(t, target, want))
		if strings.Contains(target.String(), "Tr0ub4dor") {
			t.Errorf("the target calls itself %s", target)
		}
	}
	away := filepath.Join(t.TempDir(), "away.git")
	fails(t, git.Target{Remote: away, Branch: "pages"}, "is the path of the remote right", "git init --bare")
}

// TestKilledWithChildren: a git that has started something which hangs is
// killed with it when the context ends, and the temporary folder goes.
func TestKilledWithChildren(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// git runs this instead of the host's program, as sh runs a real one.
	fifo, script := filepath.Join(dir, "started"), filepath.Join(dir, "git")
	program := programPath(t)
	text := "#!/bin/sh\ncase \"$*\" in *ls-remote*) sleep 1000 & echo $! >" + fifo + "; wait;; *) exec " + program + " \"$@\";; esac\n"
	testenv.WriteProgram(t, script, []byte(text))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := git.Target{Remote: dir, Branch: "pages", Program: script}.Open(ctx)
		ended <- err
	}()
	pid := awaitFile(t, fifo)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for alive(pid) { // ends soon, or the test never does
		<-poll.C
	}
}
