package root_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/examine"
	"github.com/signed-metaserver/metaserver/root/setup"
)

// An ill root is a data folder in which something is wrong.
type illRoot struct {
	t     testing.TB
	dir   string
	check examine.Config
}

// configure writes a root.toml with these lines.
func (r *illRoot) configure(lines string) {
	r.t.Helper()
	text := "origin = \"" + origin + "\"\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n" + lines
	if err := os.WriteFile(filepath.Join(r.dir, "root.toml"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *illRoot) at(ahead time.Duration) {
	r.check.Now = func() time.Time { return time.Now().Add(ahead) }
}

func (r *illRoot) remove(name string) {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *illRoot) change(name, from, to string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	old := readFile(r.t, path)
	if !bytes.Contains(old, []byte(from)) {
		r.t.Fatalf("%s has no %q", name, from)
	}
	if err := os.WriteFile(path, bytes.Replace(old, []byte(from), []byte(to), 1), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// TestCheckFinds breaks a root in each way and wants it found, with a remedy.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	year := 365 * 24 * time.Hour
	for name, tc := range map[string]struct {
		ill  func(*illRoot)
		want string // level, subject and a part of the text
	}{
		"nothing":        {func(*illRoot) {}, "ok database: it is whole"},
		"no root":        {func(r *illRoot) { r.check.Data += "/nowhere" }, "error configuration: there is no root in"},
		"misspelt":       {func(r *illRoot) { r.configure("qeue = 1") }, `error configuration: `},
		"proxies":        {func(r *illRoot) { r.configure("public_url = \"http://192.0.2.1/\"") }, "warning configuration: public_url is for the world"},
		"keys here":      {func(*illRoot) {}, "warning keys: a private key that signs trust documents lies here"},
		"key missing":    {func(r *illRoot) { r.remove("keys/list.key") }, "error keys: "},
		"key of another": {func(r *illRoot) { r.change("keys/list.key.pub", "ssh-ed25519", "ssh-other") }, "error keys: "},
		"key not opened": {func(r *illRoot) { r.dir, r.check.Data = encrypted(r.t, "x"), "" }, "warning keys: its key is here and encrypted"},
		"wrong word":     {func(r *illRoot) { r.dir, r.check.Passphrase = encrypted(r.t, "x"), word("y") }, "error keys: "},
		"right word":     {func(r *illRoot) { r.dir, r.check.Passphrase = encrypted(r.t, "x"), word("x") }, "ok keys: ms.example.org/list/1 is here and opens"},
		"trust missing":  {func(r *illRoot) { r.remove("public/trust/1.trust") }, "error trust: "},
		"trust forged":   {func(r *illRoot) { r.change("public/trust/1.trust", "epoch 1", "epoch 2") }, "error trust: "},
		"other origin":   {func(r *illRoot) { r.change("root.toml", `"ms.example.org"`, `"other.example.org"`) }, "error trust: root.toml says origin"},
		"review is over": {func(r *illRoot) { r.at(year + 24*time.Hour) }, "warning trust: document 1"},
		"review is soon": {func(r *illRoot) { r.at(year - 20*24*time.Hour) }, "which is soon"},
		"list forged":    {func(r *illRoot) { r.change("public/server.list", "body 0", "body 1") }, "error documents: "},
		"list missing":   {func(r *illRoot) { r.remove("public/mirror.list") }, "error documents: "},
		"list stale":     {func(r *illRoot) { r.at(25 * time.Hour) }, "it is stale"},
		"list old":       {func(r *illRoot) { r.at(40 * 24 * time.Hour) }, "it is old"},
		"clock behind":   {func(r *illRoot) { r.at(-time.Hour) }, "error clock: it was issued at"},
		"no database":    {func(r *illRoot) { r.remove("root.db") }, "error database: "},
		"damaged":        {damage, "error database: "},
		"log intact":     {func(*illRoot) {}, "ok audit: its 1 record(s) are a whole chain"},
		"log cut off":    {cutLog, "error audit: the audit log is not what the root wrote: record 0: is the newest, and there was a record 1"},
		"not running":    {func(*illRoot) {}, "warning root: no root runs"},
		"no public URL":  {func(*illRoot) {}, "warning public_url: there is none"},
		"URL away":       {func(r *illRoot) { r.configure("public_url = \"http://" + testenv.FreeAddress(r.t) + "/\"") }, "error public_url: "},
		"no mirrors":     {func(*illRoot) {}, "warning mirrors: the list names no mirror"},
		"target unread":  {func(r *illRoot) { r.configure("[[target]]\ntype = \"folder\"\npath = \"root.db\"") }, "error target: "},
		"target empty":   {func(r *illRoot) { r.configure("[[target]]\ntype = \"folder\"\npath = \"web\"") }, "error target: it can be read, and does not hold both lists"},
		"no mail server": {func(r *illRoot) {
			r.configure("[mail]\ntls = \"none\"\nhost = \"" + testenv.FreeAddress(r.t) + "\"\nfrom = \"ms@example.org\"")
		}, "error mail: "},
		"no certificate":  {func(r *illRoot) { r.configure("[tls]\ncertificate_file = \"a\"\nkey_file = \"b\"") }, "error certificate: "},
		"expired":         {func(r *illRoot) { r.withCertificate(-time.Hour, "") }, "error certificate: it is valid from"},
		"of another host": {func(r *illRoot) { r.withCertificate(time.Hour, "https://localhost/") }, "error certificate: x509"},
		"port taken":      {portTaken, "error listener: "},
		"socket unit":     {socketUnit("public"), "warning listener: it is taken, as it seems by systemd"},
		"other's unit":    {socketUnit("web"), "error listener: "},
		"other bytes":     {otherBytes, "error public_url: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := newData(t)
			r := &illRoot{t: t, dir: dir, check: examine.Config{Data: dir}}
			r.configure("")
			tc.ill(r)
			if r.dir != dir {
				r.check.Data = r.dir
			}
			wantFinding(t, examine.Check(t.Context(), r.check), tc.want)
		})
	}
}

func wantFinding(t testing.TB, found []examine.Finding, want string) {
	t.Helper()
	var all strings.Builder
	seen := false
	for _, f := range found {
		line := fmt.Sprintf("%s %s: %s", f.Level, f.Subject, f.Text)
		seen = seen || strings.Contains(line, want)
		fmt.Fprintf(&all, "%s\t[%s] %s\n", line, f.Where, f.Remedy)
		if strings.Contains(f.Text+f.Remedy, "\n") {
			t.Errorf("more than one line: %q", f.Text+f.Remedy)
		}
	}
	if !seen {
		t.Errorf("it does not find %q but\n%s", want, all.String())
	}
}

func encrypted(t testing.TB, passphrase string) string {
	return newData(t, func(c *setup.Config) { c.Passphrase = []byte(passphrase) })
}

func word(passphrase string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(passphrase), nil }
}

// damage writes over a page in the middle of the database.
func damage(r *illRoot) {
	path := filepath.Join(r.dir, "root.db")
	data := readFile(r.t, path)
	copy(data[len(data)/2:], bytes.Repeat([]byte{0xff}, 4096))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// cutLog takes the newest record out of the audit log.
func cutLog(r *illRoot) {
	db, err := sql.Open("sqlite", filepath.Join(r.dir, "root.db"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{"DROP TRIGGER audit_stays", "DELETE FROM audit"} {
		if _, err := db.Exec(text); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *illRoot) withCertificate(validFor time.Duration, publicURL string) {
	cert, key, _ := testenv.Certificate(r.t, validFor)
	lines := ""
	if publicURL != "" {
		lines = "public_url = \"" + publicURL + "\"\n"
	}
	r.configure(lines + "[tls]\ncertificate_file = \"" + cert + "\"\nkey_file = \"" + key + "\"")
}

func portTaken(r *illRoot) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { l.Close() })
	r.change("root.toml", "\nlisten = \"127.0.0.1:0\"", "\nlisten = \""+l.Addr().String()+"\"")
}

// socketUnit takes the port, and has a unit name it.
func socketUnit(name string) func(*illRoot) {
	return func(r *illRoot) {
		portTaken(r)
		cfg, err := config.Load(r.dir)
		if err != nil {
			r.t.Fatal(err)
		}
		units := r.t.TempDir()
		text := "[Socket]\nListenStream=" + cfg.Listen + "\nFileDescriptorName=" + name + "\n"
		if err := os.WriteFile(filepath.Join(units, "x.socket"), []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
		r.check.Units = []string{units}
	}
}

// otherBytes serves the documents of another root at the public URL.
func otherBytes(r *illRoot) {
	site := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(newData(r.t), "public"))))
	r.t.Cleanup(site.Close)
	r.configure("public_url = \"" + site.URL + "/\"")
}

func TestCheckPermissions(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("modes mean nothing there")
	}
	for _, name := range []string{"keys/list.key", "admin.token", "root.db", "root.toml", "."} {
		dir := newData(t)
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		wantFinding(t, examine.Check(t.Context(), examine.Config{Data: dir}), "error permissions: every user of this machine may use it (mode 0755)")
	}
}

// TestCheckOfARunningRoot looks from beside, and finds all of it well: what is
// served at the public URL, a mirror, a target.
func TestCheckOfARunningRoot(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	public, admin := testenv.FreeAddress(t), testenv.FreeAddress(t)
	mirror := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(dir, "public"))))
	defer mirror.Close()
	text := fmt.Sprintf("origin = %q\npublic_url = \"http://%s/\"\nlisten = %q\nadmin_listen = %q\nallow_private = true\n", origin, public, public, admin)
	if err := os.WriteFile(filepath.Join(dir, "root.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := serveData(t, dir, func(c *config.Config) { c.Listen, c.AdminListen = public, admin })
	if a := w.ask("POST", "/mirrors", `{"id":"m1","operator":"somebody","urls":["`+mirror.URL+`/"]}`); a.status >= 300 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	w.waitForEntries(2)
	found := examine.Check(t.Context(), examine.Config{Data: dir})
	for _, want := range []string{
		"ok root: it runs and is ready", "ok public_url: it serves what is published here", "ok mirrors: 1 of 1 answer", "ok database: it is whole",
	} {
		wantFinding(t, found, want)
	}
	for _, f := range found {
		if f.Level == examine.Bad {
			t.Errorf("%+v", f)
		}
	}
	if a := w.ask("GET", "/lists", ""); a.status != http.StatusOK {
		t.Errorf("the root afterwards: %d", a.status)
	}
	mirror.Close()
	wantFinding(t, examine.Check(t.Context(), examine.Config{Data: dir}), "warning mirrors: ")
}

// A proxy that passes to the wrong port is found out.
func TestCheckFindsAnExposedAdminListener(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := func(base string) *httputil.ReverseProxy {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}
	}
	mux := http.NewServeMux()
	mux.Handle("/", to(w.public))
	mux.Handle("/api/", to(w.admin))
	site := httptest.NewServer(mux)
	defer site.Close()
	text := fmt.Sprintf("origin = %q\npublic_url = %q\n", origin, site.URL+"/")
	if err := os.WriteFile(filepath.Join(w.dir, "root.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, examine.Check(t.Context(), examine.Config{Data: w.dir}), "error public_url: the world reaches the admin listener")
}
