package git_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/git"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

const t0 = 1_793_000_000 // a version

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run calls git as an operator does, with no settings of this machine.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(testenv.Program(t, "git"), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Owner", "GIT_AUTHOR_EMAIL=owner@example.org", "GIT_COMMITTER_NAME=Owner", "GIT_COMMITTER_EMAIL=owner@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v: %s", args, err, out)
	}
	return string(bytes.TrimSpace(out))
}

// bare makes a bare repository. With filter set, it can leave out content, as
// the large hosts can.
func bare(t *testing.T, filter bool, options ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pages.git")
	run(t, "", append(append([]string{"init", "--quiet", "--bare"}, options...), dir)...)
	if filter {
		run(t, dir, "config", "uploadpack.allowFilter", "true")
	}
	return dir
}

// owner commits files to the branch, as somebody who looks after the site.
func owner(t *testing.T, remote, branch string, files map[string]string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "work")
	run(t, "", "clone", "--quiet", remote, dir)
	if strings.Contains(run(t, dir, "branch", "--remotes"), "origin/"+branch) {
		run(t, dir, "checkout", "--quiet", branch)
	} else {
		run(t, dir, "checkout", "--quiet", "--orphan", branch)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, "add", "--all")
	run(t, dir, "commit", "--quiet", "--message", "site")
	run(t, dir, "push", "--quiet", "origin", branch)
}

func documents(n int) []publish.Documents {
	root := publishtest.NewRoot(serverlisttest.Options{})
	var sets []publish.Documents
	for i := range n {
		sets = append(sets, root.Documents(t0+int64(i), "alpha", "beta"))
	}
	return sets
}

func set(t *testing.T, target publish.Target, docs publish.Documents) publish.Report {
	t.Helper()
	report, err := publish.Set(t.Context(), target, docs)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// show returns a file of the branch as the repository holds it.
func show(t *testing.T, remote, path string) string {
	t.Helper()
	out, err := exec.Command(testenv.Program(t, "git"), "--git-dir", remote, "cat-file", "blob", "pages:"+path).Output()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(out)
}

func commits(t *testing.T, remote string) int {
	t.Helper()
	return len(strings.Fields(run(t, remote, "rev-list", "pages")))
}

func TestContractFile(t *testing.T) {
	t.Parallel()
	publishtest.Contract(t, func(t *testing.T) publish.Target {
		return git.Target{Remote: bare(t, true), Branch: "pages"}
	})
}

// TestPlainHost is about hosts that cannot leave out content and refuse to
// replace commits: publications become commits on top.
func TestPlainHost(t *testing.T) {
	t.Parallel()
	remote := bare(t, false)
	run(t, remote, "config", "receive.denyNonFastForwards", "true")
	owner(t, remote, "pages", map[string]string{"CNAME": "ms.example.org\n"})
	target, sets := git.Target{Remote: remote, Branch: "pages", Folder: "public/ms"}, documents(3)
	for _, docs := range sets {
		set(t, target, docs)
		if show(t, remote, "public/ms/server.list") != string(docs.Servers.Bytes()) {
			t.Error("server.list is not what was published")
		}
	}
	if set(t, target, sets[2]).Changed() {
		t.Error("an unchanged set was written again")
	}
	if n := commits(t, remote); n != 4 {
		t.Errorf("%d commits, want 4", n)
	}
}

// TestOtherFilesStay also with attributes that would change what is checked
// out, and a size that only the host should hold.
func TestOtherFilesStay(t *testing.T) {
	t.Parallel()
	remote := bare(t, true)
	files := map[string]string{"CNAME": "ms.example.org\n", "index.html": strings.Repeat("<p>", 1<<20), "ms/readme": "x",
		".gitattributes": "* text eol=crlf\n*.list filter=lfs ident\n"}
	owner(t, remote, "pages", files)
	docs := documents(1)[0]
	set(t, git.Target{Remote: remote, Branch: "pages", Folder: "ms"}, docs)
	for name, want := range files {
		if show(t, remote, name) != want {
			t.Errorf("%s has changed", name)
		}
	}
	for name, want := range map[string][]byte{"server.list": docs.Servers.Bytes(), "mirror.list": docs.Mirrors.Bytes(), "trust/1.trust": docs.Trust.Newest().Bytes()} {
		if show(t, remote, "ms/"+name) != string(want) {
			t.Errorf("%s is not what was published", name)
		}
	}
	if n := len(strings.Fields(run(t, remote, "ls-tree", "-r", "--name-only", "pages"))); n != len(files)+3 {
		t.Errorf("the branch has %d files", n)
	}
}

// TestNewBranch beside another one, in a repository that has no such branch.
func TestNewBranch(t *testing.T) {
	t.Parallel()
	remote := bare(t, true)
	owner(t, remote, "main", map[string]string{"program.c": "int main;"})
	set(t, git.Target{Remote: remote, Branch: "pages"}, documents(1)[0])
	if got := run(t, remote, "ls-tree", "-r", "--name-only", "pages"); got != ".nojekyll\nmirror.list\nserver.list\ntrust/1.trust" {
		t.Errorf("the new branch has %q", got)
	}
	if n := commits(t, remote); n != 1 {
		t.Errorf("the new branch has %d commits", n)
	}
	if show(t, remote, ".nojekyll") != "" {
		t.Error(".nojekyll is not empty")
	}
}

// TestHistory: a publication replaces the one before, never a commit of
// somebody else; with KeepHistory nothing is replaced.
func TestHistory(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		remote := bare(t, true)
		owner(t, remote, "pages", map[string]string{"CNAME": "a"})
		target := git.Target{Remote: remote, Branch: "pages", KeepHistory: keep, AuthorName: "Löwe", AuthorEmail: "l@example.org"}
		sets := documents(5)
		set(t, target, sets[0])
		set(t, target, sets[1])
		owner(t, remote, "pages", map[string]string{"CNAME": "b"})
		set(t, target, sets[2])
		set(t, target, sets[3])
		set(t, target, sets[3])
		want := 4 // site, 1, site, 3
		if keep {
			want = 6
		}
		if n := commits(t, remote); n != want {
			t.Errorf("KeepHistory %v: %d commits, want %d:\n%s", keep, n, want, run(t, remote, "log", "pages"))
		}
		if got := run(t, remote, "log", "-1", "--format=%an %ae %cn", "pages"); got != "Löwe l@example.org Löwe" {
			t.Errorf("the author is %q", got)
		}
		if show(t, remote, "CNAME") != "b" {
			t.Error("CNAME has changed")
		}
	}
}

// TestNothingIsLeft: the temporary folder goes with the session, and that of a
// process that was killed a day later.
func TestNothingIsLeft(t *testing.T) {
	remote, temp := bare(t, true), t.TempDir()
	t.Setenv("TMPDIR", temp)
	killed, old := filepath.Join(temp, "metaserver-git-1"), time.Now().Add(-25*time.Hour)
	if err := errors.Join(os.MkdirAll(killed+"/repository", 0o700), os.Chtimes(killed, old, old)); err != nil {
		t.Fatal(err)
	}
	set(t, git.Target{Remote: remote, Branch: "pages"}, documents(1)[0])
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
