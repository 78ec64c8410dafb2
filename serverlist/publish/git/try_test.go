package git_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/git"
)

// refs lists every name in a repository, and what it stands for.
func refs(t *testing.T, remote string) string {
	t.Helper()
	return run(t, remote, "for-each-ref", "--format=%(refname) %(objectname)")
}

// TestTryWrite: a trial leaves no commit and no name, also where an interrupted
// one has left some.
func TestTryWrite(t *testing.T) {
	t.Parallel()
	remote := bare(t, true)
	target := git.Target{Remote: remote, Branch: "pages"}
	if err := target.TryWrite(t.Context()); err != nil {
		t.Errorf("an empty repository: %v", err)
	}
	if got := refs(t, remote); got != "" {
		t.Errorf("an empty repository then has %s", got)
	}
	set(t, target, documents(1)[0])
	before := refs(t, remote)
	run(t, remote, "update-ref", "refs/metaserver/try-left", "refs/heads/pages")
	if err := target.TryWrite(t.Context()); err != nil {
		t.Error(err)
	}
	if after := refs(t, remote); after != before {
		t.Errorf("the repository has %s, and before %s", after, before)
	}
	run(t, remote, "config", "transfer.hideRefs", "refs/metaserver")
	if err := target.TryWrite(t.Context()); !errors.Is(err, publish.ErrUntried) {
		t.Errorf("a host that takes branches alone: %v", err)
	}
}

// TestTryWriteRefused: what only a real push shows is told with a doubt if it
// may be about the trial alone.
func TestTryWriteRefused(t *testing.T) {
	t.Parallel()
	remote := bare(t, true)
	target := git.Target{Remote: remote, Branch: "pages"}
	set(t, target, documents(1)[0])
	before := refs(t, remote)
	hook := "#!/bin/sh\necho 'no pushes on Sundays' >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(remote, "hooks", "pre-receive"), []byte(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	err := target.TryWrite(t.Context())
	if !errors.Is(err, publish.ErrUntried) || !strings.Contains(err.Error(), "no pushes on Sundays") || !strings.Contains(err.Error(), "the host's settings for this branch") {
		t.Errorf("the trial says %v", err)
	}
	if after := refs(t, remote); after != before {
		t.Errorf("the repository has %s, and before %s", after, before)
	}
}

// TestTryWriteReadOnly: keys and accounts over ssh that may read and not write.
func TestTryWriteReadOnly(t *testing.T) {
	t.Parallel()
	h := newSSHHost(t)
	docs := documents(1)[0]

	target := h.target(t)
	_, dir, _ := strings.Cut(target.Remote, h.Address)
	set(t, git.Target{Remote: dir, Branch: "pages"}, docs)
	if err := openToAll(dir); err != nil {
		t.Fatal(err)
	}
	before := refs(t, dir)
	if err := target.TryWrite(t.Context()); err != nil {
		t.Error(err)
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			err = os.Chmod(path, 0o555)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := target.TryWrite(t.Context()); err == nil || errors.Is(err, publish.ErrUntried) || !strings.Contains(err.Error(), "may the user at the host write") {
		t.Errorf("a repository whose files belong to somebody else: %v", err)
	}
	if after := refs(t, dir); after != before {
		t.Errorf("the repository has %s, and before %s", after, before)
	}

	// A key that may read, as a deploy key has it.
	reader := h.NewKey(t, "ecdsa", "")
	keys, err := os.ReadFile(h.Keys)
	if err != nil {
		t.Fatal(err)
	}
	command := fmt.Sprintf(`command="test \"${SSH_ORIGINAL_COMMAND%%%%-pack *}\" = git-upload || { echo 'ERROR: The key is marked as read only' >&2; exit 1; }; exec git-upload-pack %s" ecdsa-`, dir)
	if err := os.WriteFile(h.Keys, []byte(strings.Replace(string(keys), "ecdsa-", command, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	target.KeyFile = reader
	if err := target.TryWrite(t.Context()); err == nil || errors.Is(err, publish.ErrUntried) || !strings.Contains(err.Error(), "marked as read only") {
		t.Errorf("a key that may read: %v", err)
	}
}

// TestGiveUpAfter: a host that accepts connections and says nothing, by https
// and by ssh.
func TestGiveUpAfter(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, remote := range []string{"https://" + l.Addr().String() + "/pages.git", "ssh://me@" + l.Addr().String() + "/pages.git"} {
		_, err := publish.GiveUpAfter(git.Target{Remote: remote, Branch: "pages"}, time.Second).Open(t.Context())
		if err == nil || !strings.Contains(err.Error(), "did not finish within 1s") {
			t.Errorf("%s: %v", remote, err)
		}
	}
}
