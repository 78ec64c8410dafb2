package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// kindFlags start a real host of each kind and return the flags of "mirror
// setup" for it. A secret is in the environment variable MIRROR_SECRET.
var kindFlags = map[string]func(t *testing.T, dir string) (flags []string, secret string){
	"ftp": func(t *testing.T, dir string) ([]string, string) {
		s := testenv.PureFTPd(t, testenv.FTPOptions{})
		return []string{"--host", s.Address, "--user", s.User, "--password-env", "MIRROR_SECRET", "--folder", "ms"}, s.Password
	},
	"ftps": func(t *testing.T, dir string) ([]string, string) {
		cert, key, _ := testenv.Certificate(t, time.Hour)
		s := testenv.VSFTPD(t, testenv.FTPOptions{Cert: readFile(t, cert), Key: readFile(t, key)})
		return []string{"--host", s.Address, "--user", s.User, "--password-env", "MIRROR_SECRET", "--folder", "ms", "--ca-file", cert}, s.Password
	},
	"sftp": func(t *testing.T, dir string) ([]string, string) {
		s := testenv.SSHD(t, testenv.SSHDOptions{})
		return []string{"--host", s.Address, "--user", s.User, "--folder", "www/ms", "--key-file", s.NewKey(t, "ed25519", ""), "--known-hosts", s.HostKeys}, ""
	},
	"webdav": func(t *testing.T, dir string) ([]string, string) {
		s := testenv.WebDAV(t, "nginx", testenv.WebDAVOptions{User: "me", Password: "correct horse"})
		return []string{"--url", s.URL + "ms/", "--user", "me", "--password-env", "MIRROR_SECRET"}, "correct horse"
	},
	"s3": func(t *testing.T, dir string) ([]string, string) {
		s := testenv.S3(t, testenv.S3Options{}, "mirror")
		return []string{"--endpoint", s.URL, "--region", s.Region, "--bucket", "mirror", "--prefix", "ms", "--access-key", s.AccessKey, "--secret-key-env", "MIRROR_SECRET"}, s.SecretKey
	},
	"git": func(t *testing.T, dir string) ([]string, string) {
		bare := filepath.Join(dir, "pages.git")
		if out, err := exec.Command("git", "init", "-q", "--bare", bare).CombinedOutput(); err != nil {
			t.Skipf("git: %v\n%s", err, out)
		}
		return []string{"--remote", bare, "--branch", "pages", "--folder", "ms"}, ""
	},
	"command": func(t *testing.T, dir string) ([]string, string) {
		away := filepath.Join(dir, "away")
		if err := os.Mkdir(away, 0o755); err != nil {
			t.Fatal(err)
		}
		return []string{"--push", "cp", "--push", "-R", "--push", "{folder}/.", "--push", away, "--pull", "cp", "--pull", "-R", "--pull", away + "/.", "--pull", "{folder}"}, ""
	},
	"folder": func(t *testing.T, dir string) ([]string, string) {
		return []string{"--path", filepath.Join(dir, "www")}, ""
	},
}

// TestMirrorOfEveryKind: on a real host of each kind one command makes a
// mirror, with a wrong secret it leaves nothing, and what it has written works
// for all others.
func TestMirrorOfEveryKind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, empty := filepath.Join(dir, "D"), filepath.Join(dir, "empty")
	writeFile(t, empty, "")
	command(t, "root", "init", "--data", data, "--origin", "ms.example.org", "--passphrase-file", empty)
	public, _, stop := serveRoot(t, data, empty)
	defer stop()
	hash := fmt.Sprintf("%x", sha256.Sum256(readFile(t, filepath.Join(data, "public", "trust", "1.trust"))))
	for kind, start := range kindFlags {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			flags, secret := start(t, dir)
			config := filepath.Join(dir, "conf", "mirror.toml")
			if err := os.Mkdir(filepath.Dir(config), 0o755); err != nil {
				t.Fatal(err)
			}
			setup := append([]string{"mirror", "setup", "--root", public, "--trust-sha256", hash, "--config", config, "--type", kind}, flags...)
			if secret != "" {
				out, err := withSecret("wrong "+kind, setup...)
				wantNothing(t, filepath.Dir(config), out, err)
			}
			for _, step := range []struct {
				args []string
				want string
			}{
				{setup, ": published: mirror.list"},
				{[]string{"mirror", "once", "--config", config}, ": up to date: mirror.list"},
				{[]string{"mirror", "check", "--config", config}, "fresh until"},
				{[]string{"mirror", "status", "--config", config}, " fresh\n"},
			} {
				out, err := withSecret(secret, step.args...)
				if err != nil || !strings.Contains(out, step.want) || secret != "" && strings.Contains(out, secret) {
					t.Fatalf("metaserver %s: %v\n%s", strings.Join(step.args, " "), err, out)
				}
			}
		})
	}
}

// withSecret runs the program and returns all that it prints.
func withSecret(secret string, args ...string) (string, error) {
	cmd := exec.Command("metaserver", args...)
	cmd.Env = append(os.Environ(), "MIRROR_SECRET="+secret)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func wantNothing(t *testing.T, dir, out string, err error) {
	t.Helper()
	left, readErr := os.ReadDir(dir)
	if err == nil || readErr != nil || len(left) != 0 || strings.Contains(out, "wrong ") || !strings.Contains(out, "removed again") {
		t.Errorf("with a wrong secret: %v, %v, left %v\n%s", err, readErr, left, out)
	}
}
