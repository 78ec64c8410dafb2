package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestSetupTriesToWrite: web space that has the newest lists already, from a
// mirror before, and takes nothing more, is not one to set a mirror up for.
func TestSetupTriesToWrite(t *testing.T) {
	t.Parallel()
	root := publishtest.NewRoot(serverlisttest.Options{})
	docs := root.Documents(time.Now().Unix(), "alpha")
	trust := root.Chain().Pinned().Bytes()
	site := &serverlisttest.Site{}
	site.Put(publish.TrustName(1), trust)
	site.Put(publish.MirrorList, docs.Mirrors.Bytes())
	site.Put(publish.ServerList, docs.Servers.Bytes())
	host := httptest.NewServer(site)
	t.Cleanup(host.Close)
	for config, works := range map[string]bool{"write_enable=YES": true, "write_enable=NO": false} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			space := testenv.VSFTPD(t, testenv.FTPOptions{Config: []string{config}})
			if _, err := publish.Set(t.Context(), publish.Folder{Path: space.Folder}, docs); err != nil {
				t.Fatal(err)
			}
			space.Own(t, space.Folder)
			dir := t.TempDir()
			password, toml := filepath.Join(dir, "password"), filepath.Join(dir, "mirror.toml")
			if err := os.WriteFile(password, []byte(space.Password+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			cmd := mirrorSetupCommand()
			cmd.SetArgs([]string{"--config", toml, "--root", host.URL + "/", "--trust-sha256", fmt.Sprintf("%x", sha256.Sum256(trust)),
				"--type", "ftp", "--host", space.Address, "--user", space.User, "--password-file", password})
			cmd.SetOut(&out)
			cmd.SetErr(io.Discard)
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			err := cmd.ExecuteContext(t.Context())
			_, missing := os.Stat(toml)
			switch {
			case works && (err != nil || missing != nil || !strings.Contains(out.String(), "up to date")):
				t.Errorf("it says %v, %s; %v", err, out.String(), missing)
			case !works && (err == nil || !strings.Contains(err.Error(), "the rights of the account") || !errors.Is(missing, os.ErrNotExist)):
				t.Errorf("it says %v, %s; %v", err, out.String(), missing)
			}
		})
	}
}
