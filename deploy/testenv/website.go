package testenv

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A Website is a web server that runs with a configuration of the test's own,
// until the test ends, on two ports of 127.0.0.1.
type Website struct {
	Dir         string // a folder that the server's user may read and write, for its files
	HTTP, HTTPS int    // its ports
	Modules     string // the folder of Apache's modules
}

// beforeWebsite is what each server needs before the caller's configuration, so
// that it writes nothing outside of its folder and runs in the foreground.
var beforeWebsite = map[string]func(s *Website) string{
	"nginx": func(s *Website) string {
		config := "daemon off; worker_processes 1; error_log stderr notice; pid " + s.Dir + "/pid;\n"
		if os.Getuid() == 0 {
			config += "user " + davUser + ";\n"
		}
		return config + "events { worker_connections 256; }\n"
	},
	"apache2": func(s *Website) string {
		config := fmt.Sprintf("ServerRoot %[1]s\nServerName 127.0.0.1\nPidFile %[1]s/pid\nErrorLog %[1]s/errors\nDefaultRuntimeDir %[1]s\nStartServers 1\n", s.Dir)
		if os.Getuid() == 0 {
			config += "User " + davUser + "\nGroup " + davUser + "\n"
		}
		for _, module := range []string{"mpm_event", "authn_core", "authz_core"} {
			config += s.LoadModule(module)
		}
		return config
	},
	"caddy": func(*Website) string { return "" },
}

// LoadModule returns the line that loads a module of Apache: "headers".
func (s *Website) LoadModule(name string) string {
	return fmt.Sprintf("LoadModule %s_module %s/mod_%s.so\n", name, s.Modules, name)
}

// StartWebsite starts "nginx", "apache2" or "caddy" with what configure returns,
// which for nginx and Apache comes behind what every server needs.
func StartWebsite(t testing.TB, server string, configure func(s *Website) string) *Website {
	t.Helper()
	program := Program(t, server)
	dir, err := os.MkdirTemp("", "website-") // t.TempDir is closed to the server's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	s := &Website{Dir: dir, Modules: filepath.Join(installationOf(program), "usr/lib/apache2/modules")}
	s.HTTP = serve(t, func(port int) (*process, error) {
		s.HTTP, s.HTTPS = port, freePort(t)
		return s.start(t, server, program, beforeWebsite[server](s)+configure(s))
	})
	return s
}

func (s *Website) start(t testing.TB, server, program, config string) (*process, error) {
	pid, name := filepath.Join(s.Dir, "pid"), filepath.Join(s.Dir, "config")
	if err := errors.Join(os.RemoveAll(pid), os.WriteFile(name, []byte(config), 0o644)); err != nil {
		return nil, err
	}
	args := map[string][]string{
		"nginx":   {"-p", s.Dir, "-e", "stderr", "-c", name},
		"apache2": {"-D", "FOREGROUND", "-f", name},
		"caddy":   {"run", "--adapter", "caddyfile", "--config", name, "--pidfile", pid},
	}
	cmd := command(t, program, args[server]...)
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "HOME="+s.Dir, "XDG_DATA_HOME="+s.Dir, "XDG_CONFIG_HOME="+s.Dir)
	p, err := launch(cmd, filepath.Join(s.Dir, "log"))
	if err != nil {
		return nil, err
	}
	err = p.await(func() bool {
		id, err := os.ReadFile(pid)
		return err == nil && len(id) > 0 && listens(s.HTTP) && listens(s.HTTPS)
	})
	if err != nil && strings.Contains(strings.ToLower(err.Error()), "address already in use") {
		return nil, errPortTaken
	}
	return p, err
}

// listens tells whether somebody takes connections at a port of this machine.
func listens(port int) bool {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
