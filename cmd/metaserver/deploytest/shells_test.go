// Package deploytest tests what lies in deploy/ for hosts: the script mirror.sh
// under several shells, the files for web servers with the real servers, and the
// units for systemd. It has no code but tests; they are here, below cmd, because
// they need the root and its mirrors, which packages in deploy/ do not import.
package deploytest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

const deployFolder = "../../../deploy"

// A shell is a system that mirror.sh must run on: a shell, and the tools that
// are in its PATH, and nothing else.
type shell struct {
	name    string
	program string   // for testenv
	args    []string // before the script
	fetcher string   // "curl", "wget", or "" for that of busybox
	without []string // tools that this system does not have
}

var shells = []shell{
	{name: "dash with curl", program: "dash", fetcher: "curl"},
	{name: "dash with wget", program: "dash", fetcher: "wget"},
	{name: "busybox", program: "busybox", args: []string{"sh"}, without: []string{"flock"}}, // Debian's has none
	{name: "bash in POSIX mode without flock and timeout", program: "bash", args: []string{"--posix"}, fetcher: "curl", without: []string{"flock", "timeout"}},
}

// tools are what mirror.sh calls beside what fetches and openssl.
var tools = []string{
	"awk", "cat", "chmod", "cmp", "cp", "cut", "date", "dirname", "flock", "grep", "head", "id", "ls", "mkdir", "mktemp", "mv",
	"od", "rm", "sed", "sha256sum", "sync", "tail", "timeout", "tr", "wc",
}

// A system is a shell with its tools in place.
type system struct {
	t     testing.TB
	shell string
	args  []string
	path  string // the folder that is its PATH
}

// newSystem puts the tools of a shell into a folder.
func newSystem(t testing.TB, s shell) *system {
	t.Helper()
	sys := &system{t: t, shell: testenv.Program(t, s.program), args: s.args, path: t.TempDir()}
	for _, tool := range tools {
		target := sys.shell // busybox is all of them, by the name it is called
		if s.program != "busybox" {
			var err error
			if target, err = exec.LookPath(tool); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(target, filepath.Join(sys.path, tool)); err != nil {
			t.Fatal(err)
		}
	}
	switch s.fetcher {
	case "":
		if err := os.Symlink(sys.shell, filepath.Join(sys.path, "wget")); err != nil {
			t.Fatal(err)
		}
	default:
		sys.wrap(s.fetcher)
	}
	sys.wrap("openssl")
	for _, tool := range s.without {
		sys.remove(tool)
	}
	return sys
}

// wrap puts a program of testenv into the PATH, which may need libraries beside it.
func (s *system) wrap(name string) {
	s.t.Helper()
	script := "#!/bin/sh\n"
	cmd := testenv.Command(s.t, name)
	for _, v := range cmd.Env {
		if strings.HasPrefix(v, "LD_LIBRARY_PATH=") {
			script += "export " + quote(v) + "\n"
		}
	}
	script += "exec " + quote(cmd.Path) + " \"$@\"\n"
	testenv.WriteProgram(s.t, filepath.Join(s.path, name), []byte(script))
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (s *system) remove(tool string) {
	s.t.Helper()
	if err := os.Remove(filepath.Join(s.path, tool)); err != nil {
		s.t.Fatal(err)
	}
}

// mirrorSh prepares a run of the script with these variables in its environment
// and nothing else.
func (s *system) mirrorSh(ctx context.Context, env ...string) *exec.Cmd {
	s.t.Helper()
	script, err := filepath.Abs(filepath.Join(deployFolder, "mirror.sh"))
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, s.shell, append(append([]string{}, s.args...), script)...)
	cmd.Dir = s.t.TempDir()
	cmd.Env = append([]string{"PATH=" + s.path, "HOME=" + cmd.Dir, "TMPDIR=" + cmd.Dir}, env...)
	return cmd
}

// An ending is how a run went.
type ending struct {
	status   int
	out, err string
}

// run runs the script to its end. It must leave nothing in its temporary folder.
func (s *system) run(env ...string) ending {
	s.t.Helper()
	cmd := s.mirrorSh(s.t.Context(), env...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	left, err := os.ReadDir(cmd.Dir)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range left {
		if strings.HasPrefix(e.Name(), "mirror.") {
			s.t.Errorf("%s is left behind", e.Name())
		}
	}
	return ending{cmd.ProcessState.ExitCode(), out.String(), stderr.String()}
}
