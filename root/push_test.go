package root_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/examine"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A root without a public listener: an admin registers and approves, a folder
// behind nginx has the lists, and a client reads them there.
func TestNoPublicListener(t *testing.T) {
	t.Parallel()
	web := t.TempDir()
	site := testenv.Nginx(t, web)
	dir := newData(t)
	text := string(readFile(t, filepath.Join(dir, "root.toml")))
	text = strings.Replace(text, `listen = "127.0.0.1:7480"`, `listen = ""`, 1)
	text = strings.Replace(text, `#public_url = "https://ms.example.org/"`, `public_url = "`+site+`"`, 1)
	text += "\n[[target]]\ntype = \"folder\"\npath = \"" + web + "\"\npublic_url = \"" + site + "\"\n"
	if err := os.WriteFile(filepath.Join(dir, "root.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := serveClosed(t, dir)

	reg, err := c.RegisterByAdmin(t.Context(), request(1))
	if err != nil || reg.ID != "r1" || reg.StatusURL != "" {
		t.Fatalf("%+v, %v", reg, err)
	}
	if _, err := c.Approve(t.Context(), "r1", api.Approval{}); err != nil {
		t.Fatal(err)
	}
	mirror, err := c.RegisterMirrorByAdmin(t.Context(), mirrorRequest())
	if err != nil || mirror.ID != "m1" {
		t.Fatalf("%+v, %v", mirror, err)
	}
	if _, err := c.ApproveMirror(t.Context(), "m1", api.MirrorApproval{Unchecked: true}); err != nil {
		t.Fatal(err)
	}
	result := listFrom(t, dir, site)
	if len(result.List.Servers) != 1 || result.Source != serverlist.SourceLive || result.Mirrors == nil || len(result.Mirrors.Mirrors) != 2 {
		t.Errorf("%+v", result)
	}
	targets, err := c.Targets(t.Context())
	if err != nil || len(targets) != 1 || targets[0].Failure != "" || targets[0].Servers == 0 || targets[0].PublicURL != site {
		t.Errorf("%+v, %v", targets, err)
	}
	report, err := examine.Describe(t.Context(), dir, time.Now())
	if err != nil || report.Listen != config.ListenNone || len(report.Targets) != 1 || len(report.Warnings) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// serveClosed serves a root that has an admin listener alone.
func serveClosed(t *testing.T, dir string) *api.Client {
	t.Helper()
	cfg, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan net.Addr, 1)
	cfg.AdminListen, cfg.WatchOff = "127.0.0.1:0", true
	cfg.Ready = func(public, admin net.Addr) {
		if public != nil {
			t.Errorf("there is a public listener at %s", public)
		}
		ready <- admin
	}
	r, err := root.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(r.Run(ctx), r.Close()) }()
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the root ended with %v", err)
		}
	})
	select {
	case admin := <-ready:
		token := strings.TrimSpace(string(readFile(t, filepath.Join(dir, "admin.token"))))
		return &api.Client{Root: "http://" + admin.String(), Token: token, HTTP: &http.Client{Transport: transport}}
	case err := <-ended:
		ended <- nil
		t.Fatalf("the root does not serve: %v", err)
	}
	return nil
}

// listFrom asks a static host as a client does, until it has what was approved:
// pushing follows publishing by a second or two.
func listFrom(t *testing.T, dir, site string) serverlist.Result {
	t.Helper()
	client, err := serverlist.New(serverlist.Config{Trust: readFile(t, filepath.Join(dir, "public", "trust", "1.trust")), Root: []string{site}})
	if err != nil {
		t.Fatal(err)
	}
	var result serverlist.Result
	until(t, "the host has the list", func() bool {
		result, err = client.Refresh(t.Context())
		return err == nil && len(result.List.Servers) == 1 && result.Mirrors != nil && len(result.Mirrors.Mirrors) == 2
	})
	return result
}

func TestListenNone(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	path := filepath.Join(dir, "root.toml")
	before := string(readFile(t, path))
	for text, want := range map[string]string{
		`listen = "none"`:           config.ListenNone,
		`listen = ""`:               config.ListenNone,
		`listen = "127.0.0.1:7480"`: "127.0.0.1:7480",
		``:                          config.DefaultListen,
	} {
		changed := strings.Replace(before, `listen = "127.0.0.1:7480"`, text, 1)
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(dir)
		if err != nil || cfg.Listen != want {
			t.Errorf("%s: %q, %v", text, cfg.Listen, err)
		}
	}
	for text, want := range map[string]string{
		"[[target]]\ntype = \"gopher\"\n":                                   "gopher",
		"[[target]]\ntype = \"folder\"\n":                                   "path",
		"[[target]]\ntyp = \"folder\"\n":                                    "type",
		"[watch]\nevery = \"soon\"\n":                                       "soon",
		"[watch]\neach = \"1h\"\n":                                          "each",
		"[mail]\nfrom = \"a@example.org\"\n":                                "host is missing in [mail]: add",
		"[mail]\nhost = \"m:25\"\nuser = \"u\"\nfrom = \"a@example.org\"\n": "password",
		"[mail]\npassword = \"x\"\n":                                        "password is not taken in [mail]",
		"[mail]\nport = 25\n":                                               "port is not taken in [mail]: it stands behind the host",
		"[mail]\nhots = \"m\"\n":                                            "\"hots\" is not known in [mail]; known: host, from,",
		"[mail]\nadmins = [\"b\"]\n":                                        "\"b\" is not a mail address",
		"[[mail]]\n":                                                        "mail is a list; expected a table that begins with [mail]",
	} {
		if err := os.WriteFile(path, []byte(before+"\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "root.toml") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
