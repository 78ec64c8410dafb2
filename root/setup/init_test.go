package setup_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/examine"
	"github.com/signed-metaserver/metaserver/root/setup"
	"github.com/signed-metaserver/metaserver/serverlist"
)

const origin = "ms.example.org"

// newData makes a data folder.
func newData(t testing.TB, change ...func(*setup.Config)) string {
	t.Helper()
	cfg := setup.Config{Data: filepath.Join(t.TempDir(), "data"), Origin: origin}
	for _, c := range change {
		c(&cfg)
	}
	if _, err := setup.Init(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return cfg.Data
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestInit(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "data")
	made, err := setup.Init(t.Context(), setup.Config{Data: dir, Origin: origin, PublicURL: "http://ms.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{
		"": 0o700, "keys": 0o700, "public": 0o755, "public/trust": 0o755, "root.db": 0o600, "admin.token": 0o600, "root.toml": 0o600,
		"keys/admin.key": 0o600, "keys/recovery.key": 0o600, "keys/list.key": 0o600,
		"public/server.list": 0o644, "public/mirror.list": 0o644, "public/trust/1.trust": 0o644,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != mode && runtime.GOOS != "windows" {
			t.Errorf("%q has mode %o, want %o", name, info.Mode().Perm(), mode)
		}
	}
	for _, path := range []string{made.Config, made.AdminToken, made.AdminKey, made.RecoveryKey, made.ListKey, made.Trust} {
		if !strings.HasPrefix(path, dir) || strings.Contains(path, ".init") {
			t.Errorf("path %s", path)
		}
		readFile(t, path)
	}
	if token := readFile(t, made.AdminToken); !regexp.MustCompile(`^msadm_[A-Za-z0-9_-]{43}\n$`).Match(token) {
		t.Errorf("token %q", token)
	}
	token := bytes.TrimSpace(readFile(t, made.AdminToken))
	if db := readFile(t, filepath.Join(dir, "root.db")); bytes.Contains(db, token) || bytes.Contains(db, token[6:]) {
		t.Error("the database holds the token in clear")
	}
	checkFirstTrust(t, dir)
	if left, _ := filepath.Glob(filepath.Join(dir, ".init*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func checkFirstTrust(t *testing.T, dir string) {
	t.Helper()
	chain, err := keys.NewChain(readFile(t, filepath.Join(dir, "public/trust/1.trust")))
	if err != nil {
		t.Fatal(err)
	}
	trust := chain.Newest()
	if trust.Origin != origin || trust.Version != 1 || len(trust.Keys) != 3 || len(trust.Signers()) != 2 {
		t.Errorf("%+v", trust)
	}
	if review := time.Until(trust.ReviewBy); review < 364*24*time.Hour || review > 367*24*time.Hour {
		t.Errorf("review by %s", trust.ReviewBy)
	}
	for role, want := range map[string]string{
		"trust":   origin + "/admin/first " + origin + "/admin/recovery",
		"list":    origin + "/list/1",
		"mirrors": origin + "/list/1",
	} {
		r, ok := trust.Role(role)
		if got := strings.Join(r.Keys, " "); !ok || got != want || r.Threshold != 1 {
			t.Errorf("role %s: threshold %d of %s", role, r.Threshold, got)
		}
	}
	mirrors, err := serverlist.Open(readFile(t, filepath.Join(dir, "public/mirror.list")), serverlist.Want{Origin: origin, Type: serverlist.TypeMirrorList}, chain)
	if err != nil {
		t.Fatal(err)
	}
	if len(mirrors.Mirrors) != 1 {
		t.Fatalf("%d mirrors", len(mirrors.Mirrors))
	}
	if m := mirrors.Mirrors[0]; m.ID != "root" || m.Operator != origin || m.URLs[0] != "http://ms.example.org/" || !m.Root {
		t.Errorf("%+v", m)
	}
	servers, err := serverlist.Open(readFile(t, filepath.Join(dir, "public/server.list")), serverlist.Want{Origin: origin, Type: serverlist.TypeServerList}, chain)
	if err != nil || len(servers.Servers) != 0 {
		t.Errorf("%v", err)
	}
}

// TestInitConfigHasTheDefaults compares the commented root.toml with the
// defaults of the program.
func TestInitConfigHasTheDefaults(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	written, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if written.Listen != config.DefaultListen || written.AdminListen != config.DefaultAdminListen || written.Queue != 20000 ||
		written.PerSource != config.DefaultPerSource || written.KeepDays != config.DefaultKeepDays || written.Origin != origin ||
		written.AllowPrivate || written.LimitLoopback || written.PublicURL != "" || len(written.AdminHosts) != 0 || len(written.TrustedProxies) != 0 {
		t.Errorf("%+v", written)
	}
	withURL := newData(t, func(c *setup.Config) { c.PublicURL = "https://ms.example.org/" })
	if cfg, err := config.Load(withURL); err != nil || cfg.PublicURL != "https://ms.example.org/" {
		t.Errorf("%+v, %v", cfg, err)
	}
}

// listing names everything below a folder, with sizes.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		b.WriteString(path + "\n")
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			b.Write(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestInitRefuses(t *testing.T) {
	t.Parallel()
	existing := newData(t)
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unfinished := t.TempDir()
	if err := os.Mkdir(filepath.Join(unfinished, ".init"), 0o700); err != nil {
		t.Fatal(err)
	}
	half := t.TempDir()
	if err := os.WriteFile(filepath.Join(half, "root.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(other, "letter.txt")
	for _, tc := range []struct{ name, data, origin, url, says string }{
		{"a root", existing, origin, "", "holds a root already"},
		{"other files", other, origin, "", "letter.txt"},
		{"unfinished", unfinished, origin, "", "did not finish"},
		{"half moved", half, origin, "", "did not finish"},
		{"a file", file, origin, "", "data folder"},
		{"no folder", "", origin, "", "required"},
		{"no origin", "new", "", "", "1 to 128 bytes"},
		{"capital letter", "new", "Ms.example.org", "", "only a-z"},
		{"space", "new", "ms example", "", "only a-z"},
		{"line feed", "new", "ms\nkey x", "", "only a-z"},
		{"129 bytes", "new", strings.Repeat("a", 129), "", "1 to 128 bytes"},
		{"URL", "new", origin, "ms.example.org", "http"},
		{"URL with password", "new", origin, "http://u:p@ms.example.org/", "password"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			parent := t.TempDir()
			dir := tc.data
			if dir == "new" {
				dir = filepath.Join(parent, "new")
			}
			before := listing(t, parent)
			if tc.data != "new" && tc.data != "" {
				before = listing(t, tc.data)
			}
			_, err := setup.Init(t.Context(), setup.Config{Data: dir, Origin: tc.origin, PublicURL: tc.url})
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("%v; want %q", err, tc.says)
			}
			after := listing(t, parent)
			if tc.data != "new" && tc.data != "" {
				after = listing(t, tc.data)
			}
			if before != after {
				t.Error("something changed")
			}
		})
	}
}

func TestInitLongOrigin(t *testing.T) {
	t.Parallel()
	for _, n := range []int{80, 81, 128} {
		long := strings.Repeat("a", n)
		dir := newData(t, func(c *setup.Config) { c.Origin, c.PublicURL = long, "https://ms.example.org/" })
		report, err := examine.Describe(t.Context(), dir, time.Now())
		if err != nil || report.Origin != long || report.Lists[1].Entries != 1 {
			t.Errorf("%d bytes: %+v, %v", n, report, err)
		}
	}
}

// TestFailedInitLeavesNothing ends the init in its middle.
func TestFailedInitLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	parent := t.TempDir()
	for _, dir := range []string{filepath.Join(parent, "absent"), t.TempDir()} {
		before := listing(t, filepath.Dir(dir))
		if _, err := setup.Init(ctx, setup.Config{Data: dir, Origin: origin}); err == nil {
			t.Fatal("it did not fail")
		}
		if after := listing(t, filepath.Dir(dir)); before != after {
			t.Errorf("left behind:\n%s", after)
		}
		if _, err := setup.Init(t.Context(), setup.Config{Data: dir, Origin: origin}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}

// TestConcurrentInit starts several at once: one makes the root, the others
// leave it alone.
func TestConcurrentInit(t *testing.T) {
	t.Parallel()
	for _, exists := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "data")
		if exists {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		made := make(chan setup.Made, 4)
		var all sync.WaitGroup
		for range cap(made) {
			all.Go(func() {
				one, err := setup.Init(t.Context(), setup.Config{Data: dir, Origin: origin})
				switch {
				case err == nil:
					made <- one
				case !slices.ContainsFunc([]string{"another init works", "did not finish", "holds a root already"}, func(s string) bool { return strings.Contains(err.Error(), s) }):
					t.Errorf("refused because %v", err)
				}
			})
		}
		all.Wait()
		close(made)
		if len(made) != 1 {
			t.Fatalf("%d inits succeeded", len(made))
		}
		report, err := examine.Describe(t.Context(), dir, time.Now())
		if one := <-made; err != nil || report.Trust.SHA256 != one.TrustSHA256 {
			t.Errorf("%+v, %v", report, err)
		}
		if _, err := os.Stat(filepath.Join(dir, ".init")); err == nil {
			t.Error("the claim is left behind")
		}
	}
}
