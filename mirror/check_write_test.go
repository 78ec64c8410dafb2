package mirror

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/ftp"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// changes tells which files there are, and whether they were written.
func changes(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			fmt.Fprintf(&b, "%s %v\n", path, info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// checkTarget looks at a mirror of one target, which is given by its table.
func (w *world) checkTarget(table string) []Finding {
	w.t.Helper()
	dir := w.t.TempDir()
	file := filepath.Join(dir, "mirror.toml")
	text := fmt.Sprintf("root = %q\ntrust = \"1.trust\"\n[[target]]\n%s", w.host.url, table)
	err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "1.trust"), w.cfg.Trust, 0o600),
		os.WriteFile(filepath.Join(dir, "password"), []byte("correct horse\n"), 0o600))
	if err != nil {
		w.t.Fatal(err)
	}
	return Check(w.t.Context(), file)
}

// TestCheckWriting: whether a target can be written to is found out while there
// is nothing to publish, and nothing of what is published is touched.
func TestCheckWriting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config string
		level  Level
		want   string
	}{
		{"write_enable=YES", Good, "it can be written to"},
		{"write_enable=NO", Bad, "a trial file cannot be written: "},
		{"write_enable=NO", Bad, "the folder's owner, and the rights of the account"},
		{"cmds_denied=RNTO", Bad, "renaming a trial file"},
	} {
		t.Run(c.config, func(t *testing.T) {
			t.Parallel()
			h := testenv.VSFTPD(t, testenv.FTPOptions{Config: []string{c.config}})
			w := newWorld(t)
			w.folder = h.Folder
			w.cfg.Targets = []Target{{Target: publish.Folder{Path: h.Folder}}}
			w.host.serve(w.Documents(time.Now().Unix(), "alpha"))
			w.mustOnceNow()
			h.Own(t, h.Folder)
			before := changes(t, h.Folder)
			found := w.checkTarget(fmt.Sprintf("type = \"ftp\"\nhost = %q\nuser = %q\npassword_file = \"password\"\n", h.Address, h.User))
			wantFinding(t, found, c.level, "target", c.want)
			wantFinding(t, found, Good, "target", "holds server.list")
			if after := changes(t, h.Folder); after != before {
				t.Errorf("the host holds\n%s\nand before\n%s", after, before)
			}
		})
	}
}

// TestCheckWritingUntried: a doubt is told as one, and what cannot be tried too.
func TestCheckWritingUntried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.serve(w.Documents(time.Now().Unix(), "alpha"))
	w.mustOnceNow()
	found := w.checkTarget(fmt.Sprintf("type = \"command\"\npush = [\"false\", \"{folder}\"]\npull = [\"cp\", \"-r\", %q, \"{folder}\"]\n", w.folder+"/."))
	wantFinding(t, found, Good, "target", "is seen when push runs")

	remote := filepath.Join(t.TempDir(), "pages.git")
	if out, err := exec.Command(testenv.Program(t, "git"), "init", "--quiet", "--bare", remote).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	table := fmt.Sprintf("type = \"git\"\nremote = %q\nbranch = \"pages\"\n", remote)
	wantFinding(t, w.checkTarget(table), Bad, "target", "it can be read, and does not hold both lists")
	if err := os.WriteFile(filepath.Join(remote, "hooks", "pre-receive"), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, w.checkTarget(table), Good, "target", "it can be written to") // a rehearsal; there is no commit to try with
}

// TestImpatient: what people wait for has less patience with silent hosts.
func TestImpatient(t *testing.T) {
	t.Parallel()
	targets := []Target{{Target: &ftp.Target{}, PublicURL: "http://x.example/"}, {Target: publish.Folder{Path: "x"}}}
	hasty := impatient(targets)
	if got := hasty[0].Target.(*ftp.Target); got.IdleTimeout != Patience || got.ConnectTimeout != Patience {
		t.Errorf("the FTP target waits for %v, %v", got.IdleTimeout, got.ConnectTimeout)
	}
	if hasty[0].PublicURL != targets[0].PublicURL || hasty[1].Target != targets[1].Target {
		t.Errorf("the targets became %+v", hasty)
	}
}

// TestCheckRootRemedies: what to do depends on what the root, or who answers in
// its place, has said.
func TestCheckRootRemedies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		break_ func(w *world)
		want   string
	}{
		"a login page":   {func(w *world) { w.host.SetFault(serverlisttest.Portal) }, "does the network want a login first"},
		"pages":          {func(w *world) { w.host.SetFault(serverlisttest.HTML) }, "Open the URL in a browser"},
		"out of order":   {func(w *world) { w.host.SetFault(serverlisttest.Unavailable) }, "Tell the root's admins, if it stays so"},
		"a changed head": {func(w *world) { w.host.SetFault(serverlisttest.HeadByte) }, "Tell the root's admins, if it stays so"},
		"away":           {func(w *world) { w.host.stop() }, "does this machine reach the Internet"},
		"the admin listener": {func(w *world) {
			s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusUnauthorized) }))
			t.Cleanup(s.Close)
			w.host.url = s.URL + "/"
		}, "write the URL of its public listener"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.host.serve(w.Documents(time.Now().Unix(), "alpha"))
			w.mustOnceNow()
			c.break_(w)
			found := w.check("")
			wantFinding(t, found, Bad, "root", c.want)
			wantFinding(t, found, Bad, "root", "hat is published stays")
			wantFinding(t, found, Good, "target", "holds server.list")
			wantFinding(t, found, Good, "trust", "the root was not heard")
		})
	}
}

// TestCheckRedirectToRoot: a public URL that only sends players to the root is
// no mirror.
func TestCheckRedirectToRoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.serve(w.Documents(time.Now().Unix(), "alpha"))
	w.mustOnceNow()
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, w.host.url+strings.TrimPrefix(r.URL.Path, "/"), http.StatusFound)
	}))
	defer s.Close()
	wantFinding(t, w.check("public_url = \""+s.URL+"/\"\n"), Bad, "public_url", "it redirects to the root, "+w.host.url)
}
