// Package testenv gives tests the real programs they run against: a web
// server, a game server, a mail server, openssl, ssh-keygen. It is for tests only.
//
// A program is looked for in .deps, the folder of unpacked Debian packages in
// the project's root that "make deps" fills, then in PATH and the usual
// folders for daemons. A test whose program is absent is skipped with a line
// that says what would bring it, or fails when REQUIRE_ALL=1 is set. Skips are
// also appended to the file that SKIPS_FILE names, so that "make check" can
// list them.
//
// Every process started here is killed and waited for when its test ends. On
// Linux it also dies with the test binary. All listening is on loopback where
// the program can be told so; nothing here sends anything beyond loopback.
package testenv

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// packages names the Debian package of each program that tests may ask for.
var packages = map[string]string{
	"nginx":            "nginx",
	"apache2":          "apache2-bin",
	"rsync":            "rsync",
	"versitygw":        "(none: built from source by make deps)",
	"pebble":           "(none: built from source by make deps)",
	"crossfire-server": "crossfire-server",
	"openssl":          "openssl",
	"python3":          "python3",
	"sha256sum":        "coreutils",
	"ssh-keygen":       "openssh-client",
	"ssh-agent":        "openssh-client",
	"ssh-add":          "openssh-client",
	"sftp":             "openssh-client",
	"sshd":             "openssh-server",
	"git":              "git",
	"unshare":          "util-linux",
	"setpriv":          "util-linux",
	"sh":               "dash",
	"cp":               "coreutils",
	"env":              "coreutils",
	"mkfifo":           "coreutils",
	"vsftpd":           "vsftpd",
	"proftpd":          "proftpd-core",
	"pure-ftpd":        "pure-ftpd",
	"pure-pw":          "pure-ftpd-common",
	"dash":             "dash",
	"bash":             "bash",
	"busybox":          "busybox",
	"caddy":            "caddy",
	"systemd-analyze":  "systemd",

	"chromium-headless-shell": "chromium-headless-shell",
	"curl":                    "curl",
	"wget":                    "wget",
}

// Program returns the path of a program, or skips the test when it is absent.
// Programs found in .deps want the environment that [Command] sets.
func Program(t testing.TB, name string) string {
	t.Helper()
	pkg, known := packages[name]
	if !known {
		t.Fatalf("testenv knows no Debian package for %q: add it to the table in deploy/testenv", name)
	}
	path, ok := find(depsDir(), name)
	if !ok {
		skip(t, fmt.Sprintf("%s is not installed (Debian package %s; make deps fetches what the tests need)", name, pkg))
	}
	return path
}

// Command returns a command for a program that [Program] finds, not yet
// started, whose standard output and error the caller may set. A process that
// still runs when the test ends is killed with its process group and waited
// for; a caller that waits in a goroutine of its own must have done so by then.
func Command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	return command(t, Program(t, name), args...)
}

// command is Command for a path.
func command(t testing.TB, path string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(path, args...)
	if deps := depsDir(); within(deps, path) {
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraryPath(deps, deps))
	}
	ownGroup(cmd)
	t.Cleanup(func() { stop(cmd) })
	return cmd
}

// Tie makes a process that cmd will start die with the test binary where the
// system can do that, also if that is killed itself. It gets a process group of
// its own.
func Tie(cmd *exec.Cmd) { ownGroup(cmd) }

// stop kills the process group of a command that was started and not yet
// waited for, and waits for the process.
func stop(cmd *exec.Cmd) {
	if cmd.Process == nil || cmd.ProcessState != nil {
		return
	}
	killGroup(cmd.Process)
	_ = cmd.Wait() // "signal: killed" is what we asked for
}

// skip ends the test: as skipped and noted, or as failed when nothing may be
// skipped.
func skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("REQUIRE_ALL") == "1" {
		t.Fatal(why + "; REQUIRE_ALL=1 forbids skipping")
	}
	note(t, why)
	t.Skip(why)
}

// Unable skips a test that this machine cannot run whatever programs it has,
// as one that needs root or a mount namespace. "make check" lists it, and
// REQUIRE_ALL=1 does not forbid it, since nothing could be fetched to mend it.
func Unable(t testing.TB, why string) {
	t.Helper()
	note(t, "impossible on this machine: "+why)
	t.Skip(why)
}

// note appends a skipped test to the file that SKIPS_FILE names. The variable
// is read only here: a test result that skipped nothing stays in go test's
// cache whatever the file is called.
func note(t testing.TB, why string) {
	t.Helper()
	name := os.Getenv("SKIPS_FILE")
	if name == "" {
		return
	}
	line := t.Name() + ": " + strings.Join(strings.Fields(why), " ") // one line, whatever a program said
	if err := appendLine(name, line); err != nil {
		t.Fatalf("cannot note a skipped test: %v", err)
	}
}

// appendLine appends one line in one write, so that lines of test binaries
// running side by side do not mix.
func appendLine(name, line string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(line + "\n"); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// find looks for a program in unpacked packages, in PATH, and in the folders
// that the PATH of ordinary users often lacks.
func find(deps, name string) (path string, ok bool) {
	if deps != "" {
		for _, dir := range []string{"usr/lib/chromium", "usr/sbin", "usr/bin", "usr/games", "bin"} {
			if path := filepath.Join(deps, dir, name); executable(path) {
				return path, true
			}
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		if path, err = filepath.Abs(path); err == nil {
			return path, true
		}
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/games"} {
		if path := filepath.Join(dir, name); executable(path) {
			return path, true
		}
	}
	return "", false
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// depsDir returns the folder of unpacked packages beside the go.mod above the
// working folder, which for a test is its package's folder; "" when there is
// none.
func depsDir() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			deps := filepath.Join(dir, ".deps")
			if _, err := os.Stat(deps); err != nil {
				return ""
			}
			return deps
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// within reports whether path lies in dir; no path lies in "".
func within(dir, path string) bool {
	return dir != "" && strings.HasPrefix(path, dir+string(filepath.Separator))
}

// libraryPath joins the folders of unpacked shared libraries, whose names begin
// with base: deps itself, or "." for a program that starts there.
func libraryPath(deps, base string) string {
	var dirs []string
	for _, pattern := range []string{"usr/lib/*-linux-*", "usr/lib/*-linux-*/systemd", "usr/lib/*-linux-*/pulseaudio", "lib/*-linux-*"} {
		found, _ := fs.Glob(os.DirFS(deps), pattern) // the patterns are well formed
		for _, dir := range found {
			dirs = append(dirs, base+"/"+dir)
		}
	}
	return strings.Join(dirs, ":")
}
