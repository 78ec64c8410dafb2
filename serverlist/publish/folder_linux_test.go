package publish_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// folderEnv names the folder for a test that runs again as a child in a mount
// namespace of its own.
const folderEnv = "PUBLISH_TEST_FOLDER"

// inNamespace runs the test again where the script has prepared $1. It returns
// the folder in the child and "" in the parent.
func inNamespace(t *testing.T, script string) string {
	t.Helper()
	if dir := os.Getenv(folderEnv); dir != "" {
		return dir
	}
	t.Parallel()
	dir := t.TempDir()
	script += ` || exit 77; exec "$2" -test.v -test.run "^$3\$"`
	cmd := exec.Command("unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", dir, os.Args[0], t.Name())
	cmd.Env = append(os.Environ(), folderEnv+"="+dir)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == 77 || strings.HasPrefix(string(out), "unshare:") {
		testenv.Unable(t, fmt.Sprintf("no mount namespace: %v %s", err, out))
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return ""
}

// TestFolderFullDisk publishes an edition that does not fit on a real file
// system of 128 KiB.
func TestFolderFullDisk(t *testing.T) {
	dir := inNamespace(t, `mount -t tmpfs -o size=128k none "$1"`)
	if dir == "" {
		return
	}
	root := publishtest.NewRoot(serverlisttest.Options{})
	older := root.Documents(t0, "alpha")
	set(t, dir, older)
	newer := root.Documents(t0+1, manyIDs(4000)...)
	_, err := publish.Set(t.Context(), publish.Folder{Path: dir}, newer)
	if err == nil || !strings.Contains(err.Error(), "the disk is full") || !strings.Contains(err.Error(), "server.list") {
		t.Errorf("got %v, want an error that names server.list and the full disk", err)
	}
	older.Mirrors = newer.Mirrors // came first, and fits
	wantFiles(t, dir, older)
	set(t, dir, root.Documents(t0+2, "alpha"))
}

func TestFolderReadOnly(t *testing.T) {
	dir := inNamespace(t, `mount -t tmpfs none "$1"`)
	if dir == "" {
		return
	}
	root := publishtest.NewRoot(serverlisttest.Options{})
	older := root.Documents(t0, "alpha")
	set(t, dir, older)
	if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	_, err := publish.Set(t.Context(), publish.Folder{Path: dir}, root.Documents(t0+1, "alpha"))
	if err == nil || !strings.Contains(err.Error(), "mounted read-only") {
		t.Errorf("got %v, want an error that says that the file system is read-only", err)
	}
	if err := publish.TryWrite(t.Context(), publish.Folder{Path: dir}); err == nil || !strings.Contains(err.Error(), "mounted read-only") {
		t.Errorf("the trial says %v, and not that the file system is read-only", err)
	}
	wantFiles(t, dir, older)
	if set(t, dir, older).Changed() { // nothing to write: no error
		t.Error("a read-only folder was changed")
	}
}

// TestFolderModes: a web server of another user must be able to read, also if
// cron runs the mirror with a strict umask. The umask is the process's, hence
// the child.
func TestFolderModes(t *testing.T) {
	dir := inNamespace(t, `umask 077 && mkdir "$1/home"`)
	if dir == "" {
		return
	}
	path := filepath.Join(dir, "new", "ms")
	set(t, path, publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha"))
	for name, want := range map[string]os.FileMode{
		".": 0o755 | os.ModeDir, "..": 0o755 | os.ModeDir, "trust": 0o755 | os.ModeDir,
		"trust/1.trust": 0o644, "mirror.list": 0o644, "server.list": 0o644,
		"../../home": 0o700 | os.ModeDir, // not ours
	} {
		info, err := os.Stat(filepath.Join(path, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
}

// TestFolderOfAnotherUser runs as nobody, who may read the folder and not
// write there.
func TestFolderOfAnotherUser(t *testing.T) {
	if dir := os.Getenv(folderEnv); dir != "" {
		_, err := publish.Set(t.Context(), publish.Folder{Path: dir}, publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha"))
		if err == nil || !strings.Contains(err.Error(), "run as the user that owns the folder") {
			t.Errorf("got %v", err)
		}
		return
	}
	if os.Getuid() != 0 {
		testenv.Unable(t, "only root can become another user")
	}
	t.Parallel()
	dir, err := os.MkdirTemp("", "publish-test-") // t.TempDir is closed to nobody
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program := filepath.Join(dir, "publish.test")
	data, err := os.ReadFile(os.Args[0])
	if err := errors.Join(err, os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	testenv.WriteProgram(t, program, data)
	cmd := exec.Command(program, "-test.v", "-test.run", "^"+t.Name()+"$")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), folderEnv+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
}

func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("server-%05d", i)
	}
	return ids
}
