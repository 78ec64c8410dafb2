package requirements_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// TestRequirement14_OneCommand: one command makes a mirror and prints its line
// for cron; where the program cannot be installed, one line with the script does.
func TestRequirement14_OneCommand(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	r.list("Alpha")
	dir := t.TempDir()
	sum := fmt.Sprintf("%x", sha256.Sum256(r.pinned()))
	out := command(t, "mirror", "setup", "--root", r.url(), "--trust-sha256", sum, "--config", filepath.Join(dir, "mirror.toml"), "--type", "folder", "--path", filepath.Join(dir, "www"))
	if !bytes.Equal(readFile(t, filepath.Join(dir, "www", "server.list")), r.file("server.list")) {
		t.Error("the mirror does not hold the list")
	}
	line := regexp.MustCompile(`(?m)^\d+ \* \* \* \* (.* mirror once --config .*)$`).FindStringSubmatch(out)
	if line == nil {
		t.Fatalf("there is no line for cron:\n%s", out)
	}
	r.list("Beta")
	line[1] = regexp.MustCompile(`--jitter \S+`).ReplaceAllString(line[1], "")
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", line[1]).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line[1], err, out)
	}
	if !bytes.Equal(readFile(t, filepath.Join(dir, "www", "server.list")), r.file("server.list")) {
		t.Error("the line for cron does not bring the news")
	}

	testenv.Program(t, "openssl")
	trust := filepath.Join(dir, "given.trust")
	write(t, trust, r.pinned())
	script := exec.CommandContext(t.Context(), testenv.Program(t, "dash"), "../../../deploy/mirror.sh")
	script.Env = append(os.Environ(), "ROOT="+r.url(), "TARGET="+filepath.Join(dir, "by-script"), "TRUST="+trust)
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("mirror.sh: %v\n%s", err, out)
	}
	if !bytes.Equal(readFile(t, filepath.Join(dir, "by-script", "server.list")), r.file("server.list")) {
		t.Error("the script's mirror does not hold the list")
	}
}
