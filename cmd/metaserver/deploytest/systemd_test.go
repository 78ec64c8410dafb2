package deploytest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/config"
)

// most is the exposure, in tenths, that "systemd-analyze security" may find: it
// calls 10 "safe", 20 "ok", 60 "medium".
const most = 15

// builtIn is where the real program is built; TestMain makes and removes it.
var builtIn string

var built = sync.OnceValues(func() (string, error) { return testenv.Build(builtIn) })

// buildProgram builds the real program, once for all tests.
func buildProgram(t testing.TB) string {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func TestMain(m *testing.M) {
	var err error
	if builtIn, err = os.MkdirTemp("", "metaserver-deploytest-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(builtIn)
	os.Exit(code)
}

// unitNames returns the files of all units.
func unitNames(t testing.TB) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(deployFolder, "systemd"))
	if err != nil || len(entries) < 6 {
		t.Fatalf("%d units, %v", len(entries), err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestSockets: each hands over a socket that a root knows, to the service.
func TestSockets(t *testing.T) {
	t.Parallel()
	var handed []string
	for _, name := range unitNames(t) {
		if filepath.Ext(name) != ".socket" {
			continue
		}
		dir := filepath.Join(deployFolder, "systemd")
		handed = append(handed, setting(t, dir, name, "FileDescriptorName"))
		if to := setting(t, dir, name, "Service"); to != "metaserver-root.service" {
			t.Errorf("%s belongs to %s", name, to)
		}
	}
	if want := slices.Sorted(slices.Values(config.Doors())); !slices.Equal(slices.Sorted(slices.Values(handed)), want) {
		t.Errorf("sockets %q; want %q", handed, want)
	}
}

// TestEnabledUnits: "systemctl enable" starts nothing at boot, and fails for none of
// this, if a unit does not say what wants it.
func TestEnabledUnits(t *testing.T) {
	t.Parallel()
	enabled := regexp.MustCompile(`systemctl enable( --now)?( metaserver-[a-z-]+\.[a-z]+)+`).FindAllString(readme(t), -1)
	if len(enabled) < 3 {
		t.Fatalf("the runbook enables units in %d lines", len(enabled))
	}
	wanted := map[string]string{".service": "multi-user.target", ".socket": "sockets.target", ".timer": "timers.target"}
	for _, line := range enabled {
		for _, unit := range strings.Fields(line)[2:] {
			if unit == "--now" {
				continue
			}
			if by := setting(t, filepath.Join(deployFolder, "systemd"), unit, "WantedBy"); by != wanted[filepath.Ext(unit)] {
				t.Errorf("%s is wanted by %s", unit, by)
			}
		}
	}
}

// TestUnits holds the units against systemd's own checks, and runs what they start.
func TestUnits(t *testing.T) {
	t.Parallel()
	testenv.Program(t, "systemd-analyze")
	program := buildProgram(t)
	dir := t.TempDir()
	for _, name := range unitNames(t) {
		unit, err := os.ReadFile(filepath.Join(deployFolder, "systemd", name))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(unit), "/usr/local/bin/metaserver", program)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	verifyUnits(t, dir)
	for _, name := range []string{"metaserver-mirror.service", "metaserver-root.service"} {
		analyze(t, dir, "security", "--offline=true", "--threshold="+strconv.Itoa(most), filepath.Join(dir, name))
	}

	w := newScriptWorld(t, shells[0]) // a root and a folder; nobody runs the script
	config := filepath.Join(filepath.Dir(w.trust), "mirror.toml")
	text := fmt.Sprintf("root = %q\ntrust = \"1.trust\"\n[[target]]\ntype = \"folder\"\npath = %q\n", w.url, w.folder)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := strings.ReplaceAll(setting(t, dir, "metaserver-mirror.service", "ExecStart"), "/etc/metaserver/mirror.toml", config)
	args := strings.Fields(command)
	if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	w.holds()
	help, err := exec.CommandContext(t.Context(), program, "root", "serve", "--help").Output()
	if start := strings.Fields(setting(t, dir, "metaserver-root.service", "ExecStart")); err != nil || !strings.Contains(string(help), start[3]) {
		t.Errorf("%v: root serve knows no such flag: %v", start, err)
	}
}

// TestSetupUnits checks what "mirror setup --systemd" writes in the same way, and
// that its service is locked up in no other way than the one here.
func TestSetupUnits(t *testing.T) {
	t.Parallel()
	testenv.Program(t, "systemd-analyze")
	w := newScriptWorld(t, shells[0])
	dir := filepath.Join(t.TempDir(), "units")
	for _, folder := range []string{w.folder, dir} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), buildProgram(t), "mirror", "setup", "--root", w.url+"/",
		"--trust-sha256", fmt.Sprintf("%x", sha256.Sum256(w.root.Pinned())),
		"--config", filepath.Join(t.TempDir(), "mirror.toml"), "--type", "folder", "--path", w.folder, "--systemd", dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mirror setup: %v\n%s", err, out)
	}
	verifyUnits(t, dir)
	ours, err := os.ReadFile(filepath.Join(deployFolder, "systemd/metaserver-mirror.service"))
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(filepath.Join(dir, "metaserver-mirror.service"))
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"Description", "ExecStart", "User", "ReadWritePaths", "ProtectHome"} // of the operator's machine
	known := strings.Split(string(ours), "\n")
	for line := range strings.Lines(string(written)) {
		key, _, ok := strings.Cut(line, "=")
		if ok && !slices.Contains(own, key) && !slices.Contains(known, strings.TrimSpace(line)) {
			t.Errorf("mirror setup writes %q, which deploy/systemd/metaserver-mirror.service does not have", strings.TrimSpace(line))
		}
	}
}

// verifyUnits lets systemd read all units of a folder.
func verifyUnits(t testing.TB, dir string) {
	t.Helper()
	units, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil || len(units) == 0 {
		t.Fatalf("units: %v, %v", units, err)
	}
	analyze(t, dir, append([]string{"verify"}, units...)...)
}

// analyze runs systemd-analyze, which finds the usual units where it lies itself.
func analyze(t testing.TB, dir string, args ...string) {
	t.Helper()
	cmd := testenv.Command(t, "systemd-analyze", args...)
	install := filepath.Dir(filepath.Dir(filepath.Dir(cmd.Path)))
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "SYSTEMD_UNIT_PATH="+strings.Join([]string{
		dir, filepath.Join(install, "lib/systemd/system"), filepath.Join(install, "usr/lib/systemd/system"),
	}, ":"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// setting returns the value of a key in a unit.
func setting(t testing.TB, dir, unit, key string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, unit))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, key+"="); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("%s has no %s", unit, key)
	return ""
}
