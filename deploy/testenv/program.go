package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// WriteProgram writes a program or a script, which may be started at once: no
// process that another test starts meanwhile inherits the open file, which would
// keep the system from running it ("text file busy").
func WriteProgram(t testing.TB, path string, content []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, content, 0o755); err != nil {
		t.Fatal(err)
	}
}

// Build builds the program of this module into a folder and returns its path.
// It is built without the race detector, under which reading one key file takes
// longer than most tests: what may race runs inside of tests as well.
func Build(folder string) (string, error) {
	path := filepath.Join(folder, "metaserver")
	out, err := exec.Command("go", "build", "-o", path, "github.com/signed-metaserver/metaserver/cmd/metaserver").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}
