package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
	"github.com/spf13/cobra"
)

// TestMirrorInterrupted: who stops a command is told that, and not what the
// requests that were stopped have ended with.
func TestMirrorInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := filepath.Join(dir, "mirror.toml")
	text := "root = \"http://127.0.0.1:1/\"\ntrust = \"1.trust\"\n[[target]]\ntype = \"folder\"\npath = \"www\"\n"
	trust := serverlisttest.NewRoot(serverlisttest.Options{}).Chain().Documents()[0].Bytes()
	if err := errors.Join(os.WriteFile(config, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "1.trust"), trust, 0o600)); err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	hash := "0000000000000000000000000000000000000000000000000000000000000000"
	for name, c := range map[string]struct {
		cmd  *cobra.Command
		args []string
	}{
		"check":  {mirrorCheckCommand(), []string{"--config", config}},
		"status": {mirrorStatusCommand(), []string{"--config", config}},
		"setup": {mirrorSetupCommand(), []string{"--config", filepath.Join(dir, "new.toml"), "--root", "http://127.0.0.1:1/",
			"--trust-sha256", hash, "--type", "folder", "--path", dir}},
	} {
		c.cmd.SetArgs(c.args)
		c.cmd.SetOut(io.Discard)
		c.cmd.SilenceErrors, c.cmd.SilenceUsage = true, true
		if err := c.cmd.ExecuteContext(stopped); !errors.Is(err, errInterrupted) {
			t.Errorf("%s: %v, want %v", name, err, errInterrupted)
		}
	}
}
