package testenv

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

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
