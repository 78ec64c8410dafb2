package testenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Crossfire runs an unmodified crossfire-server, with a world of its own and
// without announcing itself, until the test ends, and returns its address,
// "127.0.0.1:PORT". The server cannot be told to listen on loopback alone.
// It refuses to run as root: tests that do run it as user "games".
func Crossfire(t testing.TB) (addr string) {
	t.Helper()
	program := Program(t, "crossfire-server")
	var setpriv string
	if os.Getuid() == 0 {
		setpriv = Program(t, "setpriv")
	}
	port := serve(t, func(port int) (*process, error) { return startCrossfire(t, program, setpriv, port) })
	return fmt.Sprintf("127.0.0.1:%d", port)
}

func startCrossfire(t testing.TB, program, setpriv string, port int) (*process, error) {
	install := installationOf(program)
	run, err := crossfireFolder(t, filepath.Join(install, "etc/crossfire"))
	if err != nil {
		return nil, err
	}
	// The paths into the installation are relative to the working folder,
	// which is entered before root's rights are given up: the project may lie
	// in a folder that only its owner can enter.
	argv := []string{
		"./" + relative(install, program),
		"-data", "./usr/share/games/crossfire",
		"-conf", filepath.Join(run, "conf"),
		"-local", filepath.Join(run, "local"),
		"-tmpdir", filepath.Join(run, "tmp"),
		"-p", strconv.Itoa(port),
	}
	if setpriv != "" {
		argv = append([]string{setpriv, "--reuid=games", "--regid=games", "--clear-groups", "--pdeathsig=KILL"}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = install
	if deps := depsDir(); within(deps, program) {
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraryPath(deps, "."))
	}
	p, err := launch(cmd, filepath.Join(t.TempDir(), "log"))
	if err != nil {
		return nil, err
	}
	err = p.await(func() bool { return strings.Contains(p.output(), "Initialization complete") })
	if err != nil {
		return nil, err
	}
	// It goes on without a socket when it cannot have the port.
	if strings.Contains(p.output(), "Cannot bind socket to [0.0.0.0]") {
		p.stop()
		return nil, errPortTaken
	}
	return p, nil
}

// installationOf returns the folder that holds usr and etc of an installed or
// unpacked program: "/" for "/usr/sbin/crossfire-server".
func installationOf(program string) string {
	return filepath.Dir(filepath.Dir(filepath.Dir(program)))
}

// relative returns path, which lies in dir, as seen from there.
func relative(dir, path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")
}

// crossfireFolder makes the folders that one server writes to, owned by the
// user that will run it, with a copy of the packaged configuration.
func crossfireFolder(t testing.TB, packaged string) (string, error) {
	// t.TempDir is closed to other users, as "games" is for root.
	run, err := os.MkdirTemp("", "crossfire-")
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	for _, dir := range []string{"", "conf", "local", "tmp"} {
		dir = filepath.Join(run, dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
	}
	conf := filepath.Join(run, "conf")
	if err := os.CopyFS(conf, os.DirFS(packaged)); err != nil {
		return "", err
	}
	// The packaged file turns announcements off; a machine's own may not.
	if err := os.WriteFile(filepath.Join(conf, "metaserver2"), []byte("metaserver2_notification off\n"), 0o644); err != nil {
		return "", err
	}
	return run, giveToGames(run)
}

// giveToGames makes user "games" the owner of a folder, if root runs the test.
func giveToGames(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	games, err := user.Lookup("games")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(games.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(games.Gid)
	if err != nil {
		return err
	}
	return giveTo(dir, uid, gid)
}

// giveTo makes a user and a group the owners of a folder and of all in it. A
// server may still work there: files that vanish are left out.
func giveTo(dir string, uid, gid int) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, uid, gid)
		}
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil
		}
		return err
	})
}
