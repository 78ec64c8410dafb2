package ftp_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/ftp"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

const t0 = 1_793_000_000 // version of a first edition

// wantError checks that publishing fails with a message that has all of these
// words in it, and not the password.
func wantError(t *testing.T, target *ftp.Target, docs publish.Documents, words ...string) {
	t.Helper()
	_, err := publish.Set(t.Context(), target, docs)
	if err == nil {
		t.Error("publishing did not fail")
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
	if password, _ := target.Password(); strings.Contains(err.Error(), password) || strings.Contains(target.String(), password) {
		t.Errorf("the password is in %v", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Error("the error has more than one line")
	}
	t.Log(err)
}

func mustSet(t *testing.T, target publish.Target, docs publish.Documents) publish.Report {
	t.Helper()
	report, err := publish.Set(t.Context(), target, docs)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// names lists the files in a folder of the host.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func small() publish.Documents {
	return publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	onEach(t, testenv.FTPOptions{}, func(t *testing.T, h *host) {
		target := h.target()
		target.Password = func() (string, error) { return "wrong secret", nil }
		wantError(t, target, small(), h.User, "530", "check")
		target.Password = func() (string, error) { return "", errors.New("no such file") }
		if _, err := target.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("without a password: %v", err)
		}
	})
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	for _, p := range programs {
		for _, c := range []struct {
			name, host string
			until      time.Duration
			roots      bool
			want       string
		}{
			{"expired", "127.0.0.1", -time.Hour, true, "renew"},
			{"of another name", "ftp.example.net", time.Hour, true, "use that name"},
			{"of an unknown authority", "127.0.0.1", time.Hour, false, "signed by nobody"},
		} {
			t.Run(p.name+" "+c.name, func(t *testing.T) {
				t.Parallel()
				a := newAuthority(t)
				cert, key := a.issue(t, c.host, time.Now().Add(c.until))
				h := &host{FTPServer: p.start(t, testenv.FTPOptions{Cert: cert, Key: key}), security: ftp.ExplicitTLS, roots: x509.NewCertPool()}
				if c.roots {
					h.roots = a.pool
				}
				wantError(t, h.target(), small(), c.want, "do not switch TLS off")
			})
		}
	}
}

func TestTLSThatOneSideLacks(t *testing.T) {
	t.Parallel()
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			h := p.plain(t, testenv.FTPOptions{})
			h.security = ""
			if p.name != "pure-ftpd" { // which has it always
				wantError(t, h.target(), small(), "does not offer TLS")
			}
			h = p.withTLS(t, testenv.FTPOptions{})
			h.security = ftp.NoTLS
			wantError(t, h.target(), small(), "some hosts want a login with TLS")
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	target := &ftp.Target{Address: testenv.FreeAddress(t), User: "u", Password: func() (string, error) { return "secret", nil }}
	wantError(t, target, small(), "check host and port")
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	password := func() (string, error) { return "secret", nil }
	for want, target := range map[string]*ftp.Target{
		"no address":          {Address: "ftp.example.net", User: "u", Password: password},
		"needs a user":        {Address: "ftp.example.net:21", Password: password},
		"and a password":      {Address: "ftp.example.net:21", User: "u"},
		"has a line end":      {Address: "ftp.example.net:21", User: "u\r\nDELE x", Password: password},
		"has .. in it":        {Address: "ftp.example.net:21", User: "u", Password: password, Folder: "www/../.."},
		"no kind of TLS":      {Address: "ftp.example.net:21", User: "u", Password: password, TLS: "implicit"},
		"the password of the": {Address: "ftp.example.net:21", User: "u", Password: func() (string, error) { return "", os.ErrPermission }},
	} {
		if _, err := target.Open(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestFullDisk publishes an edition that does not fit on a real file system.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, p := range []program{{"vsftpd", testenv.VSFTPD}, {"pure-ftpd", testenv.PureFTPd}} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			tooMuch(t, p.plain(t, testenv.FTPOptions{DiskSize: "400k"}))
		})
		t.Run(p.name+" with TLS", func(t *testing.T) {
			t.Parallel()
			tooMuch(t, p.withTLS(t, testenv.FTPOptions{DiskSize: "400k"}))
		})
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	tooMuch(t, program{"pure-ftpd", testenv.PureFTPd}.plain(t, testenv.FTPOptions{Quota: 400 << 10}))
}

func tooMuch(t *testing.T, h *host) {
	root := publishtest.NewRoot(serverlisttest.Options{})
	older := root.Documents(t0, "alpha")
	mustSet(t, h.target(), older)
	newer := root.Documents(t0+1, manyIDs(6000)...)
	wantError(t, h.target(), newer, "server.list", "disk", "full or the quota of the account is used up", "untouched")
	held, err := publish.ReadBack(t.Context(), h.target(), older.Trust)
	if err != nil {
		t.Fatal(err)
	}
	if !held.Servers.Same(older.Servers) || !held.Mirrors.Same(newer.Mirrors) { // which came first, and fits
		t.Error("the host does not hold what it held before")
	}
	mustSet(t, h.target(), root.Documents(t0+2, "alpha"))
}

func TestNoRightToWrite(t *testing.T) {
	t.Parallel()
	onEach(t, testenv.FTPOptions{}, func(t *testing.T, h *host) {
		if err := errors.Join(os.Mkdir(filepath.Join(h.Folder, "web"), 0o555), os.Chmod(filepath.Join(h.Folder, "web"), 0o555)); err != nil {
			t.Fatal(err)
		}
		h.Own(t, filepath.Join(h.Folder, "web"))
		target := h.target()
		target.Folder = "web"
		wantError(t, target, small(), "trust/1.trust", "may not write there")
		target.Folder = "web/ms"
		wantError(t, target, small(), "may not write there")
	})
}

func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("server-%05d", i)
	}
	return ids
}
