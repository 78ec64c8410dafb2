package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
	"github.com/spf13/cobra"
)

// TestMirrorOnceInterrupted: a run that has begun says what is left, in words for
// people, or in its report.
func TestMirrorOnceInterrupted(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--json"}} {
		ctx, interrupt := context.WithCancel(t.Context())
		slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			interrupt()
			<-r.Context().Done()
		}))
		defer slow.Close()
		config := mirrorOf(t, slow.URL+"/")
		var out, errOut strings.Builder
		cmd := mirrorOnceCommand()
		cmd.SetArgs(append(flags, "--config", config))
		cmd.SetOut(&out)
		cmd.SetErr(&errOut)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		err := cmd.ExecuteContext(ctx)
		if err == nil || errors.Is(err, errFading) {
			t.Errorf("%v: %v", flags, err)
		}
		all := out.String() + errOut.String() + err.Error()
		if strings.Contains(all, "context canceled") || strings.Contains(all, "did not answer as it should") || !strings.Contains(all, "interrupted") {
			t.Errorf("%v: it says %s", flags, all)
		}
		if flags != nil && (!errors.Is(err, errReported) || !json.Valid([]byte(out.String()))) {
			t.Errorf("%v: %v, with %s", flags, err, out.String())
		}
		if flags == nil && !strings.Contains(err.Error(), "every target keeps complete documents") {
			t.Errorf("%v: %v", flags, err)
		}
	}
}

// mirrorOf writes the configuration of a mirror of one folder.
func mirrorOf(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "mirror.toml")
	text := "root = \"" + root + "\"\ntrust = \"1.trust\"\n[[target]]\ntype = \"folder\"\npath = \"www\"\n"
	trust := serverlisttest.NewRoot(serverlisttest.Options{}).Chain().Documents()[0].Bytes()
	if err := errors.Join(os.WriteFile(config, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "1.trust"), trust, 0o600)); err != nil {
		t.Fatal(err)
	}
	return config
}

// TestMirrorInterrupted: who stops a command is told that, and not what the
// requests that were stopped have ended with.
func TestMirrorInterrupted(t *testing.T) {
	t.Parallel()
	config := mirrorOf(t, "http://127.0.0.1:1/")
	dir := filepath.Dir(config)
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
