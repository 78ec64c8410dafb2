package deploytest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestMirrorScriptFTP publishes to real FTP servers: a login from a netrc file
// or from the environment, which no argument shows, and servers that do not
// rename over a file.
func TestMirrorScriptFTP(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) *testenv.FTPServer{
		"vsftpd":  func(t testing.TB) *testenv.FTPServer { return testenv.VSFTPD(t, testenv.FTPOptions{}) },
		"proftpd": func(t testing.TB) *testenv.FTPServer { return testenv.ProFTPD(t, testenv.FTPOptions{}) },
		"proftpd without overwriting": func(t testing.TB) *testenv.FTPServer {
			return testenv.ProFTPD(t, testenv.FTPOptions{Config: []string{"AllowOverwrite off"}})
		},
		"pure-ftpd": func(t testing.TB) *testenv.FTPServer { return testenv.PureFTPd(t, testenv.FTPOptions{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScriptWorld(t, shells[0])
			arguments := w.spyOnCurl()
			server := start(t)
			if err := os.MkdirAll(filepath.Join(server.Folder, "web"), 0o755); err != nil {
				t.Fatal(err)
			}
			server.Own(t, server.Folder)
			target := "TARGET=ftp://" + server.Address + "/web/ms/"
			w.folder = filepath.Join(server.Folder, "web", "ms")
			netrc := filepath.Join(t.TempDir(), "netrc")
			host, _, _ := strings.Cut(server.Address, ":")
			login := "machine " + host + " login " + server.User + " password \"" + server.Password + "\"\n"
			if err := os.WriteFile(netrc, []byte(login), 0o600); err != nil {
				t.Fatal(err)
			}

			w.must(w.checked(target, "NETRC="+netrc))
			w.holds()
			if err := os.Chmod(netrc, 0o640); err != nil {
				t.Fatal(err)
			}
			if e := w.checked(target, "NETRC="+netrc); e.status != 2 || !strings.Contains(e.err, "others on this machine can read the netrc file") {
				t.Errorf("with a netrc file that others can read: %+v", e)
			}
			if err := os.Chmod(netrc, 0o600); err != nil {
				t.Fatal(err)
			}
			if e := w.must(w.checked(target, "NETRC="+netrc)); e != (ending{}) {
				t.Errorf("nothing is new, and the script ends with %+v", e)
			}
			w.root.Amend(serverlisttest.Change{Lists: []string{"list/2"}})
			w.edition("beta")
			w.must(w.checked(target, "FTP_USER="+server.User, "FTP_PASSWORD="+server.Password))
			w.holds()

			w.edition("gamma")
			before := files(t, os.DirFS(w.folder))
			if e := w.checked(target, "FTP_USER="+server.User, "FTP_PASSWORD=wrong\"password"); e.status != 1 || strings.Contains(e.err, "wrong") {
				t.Errorf("with a wrong password, the script ends with %+v", e)
			}
			w.holdsFiles(before)
			seen, err := os.ReadFile(arguments)
			if err != nil || !strings.Contains(string(seen), "-K -") {
				t.Fatalf("the arguments of curl: %q, %v", seen, err)
			}
			for _, secret := range []string{server.Password, "wrong", "login"} {
				if strings.Contains(string(seen), secret) {
					t.Errorf("an argument of curl shows %q", secret)
				}
			}
		})
	}
}

// spyOnCurl notes the arguments of curl in the file that it returns.
func (s *system) spyOnCurl() string {
	s.t.Helper()
	log, real := filepath.Join(s.t.TempDir(), "arguments"), filepath.Join(s.path, "curl")
	if err := os.Rename(real, real+"-real"); err != nil {
		s.t.Fatal(err)
	}
	script := "#!/bin/sh\necho \"$*\" >>" + quote(log) + "\nexec " + quote(real+"-real") + " \"$@\"\n"
	testenv.WriteProgram(s.t, real, []byte(script))
	return log
}

// TestMirrorScriptFTPUnreadable: a server that hides what it holds could hold
// something newer.
func TestMirrorScriptFTPUnreadable(t *testing.T) {
	t.Parallel()
	w := newScriptWorld(t, shells[0])
	server := testenv.VSFTPD(t, testenv.FTPOptions{})
	w.folder = server.Folder
	server.Own(t, server.Folder)
	env := []string{"TARGET=ftp://" + server.Address, "FTP_USER=" + server.User, "FTP_PASSWORD=" + server.Password}
	w.must(w.checked(env...))
	if err := os.Chmod(filepath.Join(server.Folder, "server.list"), 0o200); err != nil {
		t.Fatal(err)
	}
	w.edition("beta")
	if e := w.checked(env...); e.status != 1 || !strings.Contains(e.err, "does not let this login read it") {
		t.Errorf("the script ends with %+v", e)
	}
	if entries, err := os.ReadDir(server.Folder); err != nil || len(entries) != 3 {
		t.Errorf("the server holds %v, %v", entries, err)
	}
}
