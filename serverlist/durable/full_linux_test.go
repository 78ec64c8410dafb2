package durable_test

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
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

const fullEnv = "DURABLE_TEST_FULL"

// TestFullDisk fills a real file system of 64 KiB in a mount namespace of its
// own.
func TestFullDisk(t *testing.T) {
	if dir := os.Getenv(fullEnv); dir != "" {
		fillDisk(t, dir)
		return
	}
	t.Parallel()
	dir := t.TempDir()
	script := `mount -t tmpfs -o size=64k none "$1" || exit 77; exec "$2" -test.run '^TestFullDisk$'`
	cmd := exec.Command("unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", dir, os.Args[0])
	cmd.Env = append(os.Environ(), fullEnv+"="+dir)
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); cmd.ProcessState == nil || code == 77 || strings.HasPrefix(string(out), "unshare:") {
		testenv.Unable(t, fmt.Sprintf("no mount namespace: %v %s", err, out))
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func fillDisk(t *testing.T, dir string) {
	path := filepath.Join(dir, "server.list")
	if err := durable.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(path, make([]byte, 1<<20), 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk gave %v", err)
	}
	expect(t, path, "old")
	expectNames(t, dir, "server.list")
	if err := durable.WriteFile(path, []byte("new"), 0o644); err != nil {
		t.Errorf("after the disk was full: %v", err)
	}
	expect(t, path, "new")
}
