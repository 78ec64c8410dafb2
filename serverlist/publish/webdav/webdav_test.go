package webdav_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/publish/webdav"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

const t0 = 1_793_000_000 // version of a first edition

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	user     = "mirror"
	password = "secret-of-the-mirror"
)

func target(url string) webdav.Target {
	return webdav.Target{URL: url, User: user, Password: func() (string, error) { return password, nil }}
}

// eachServer runs a test against both servers.
func eachServer(t *testing.T, run func(t *testing.T, server string)) {
	t.Parallel()
	for _, server := range []string{"nginx", "apache2"} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			run(t, server)
		})
	}
}

// folders returns a function that gives a folder of its own of one server each
// time, none of which exists yet.
func folders(t *testing.T, server string, o testenv.WebDAVOptions) func() webdav.Target {
	o.User, o.Password = user, password
	s := testenv.WebDAV(t, server, o)
	next := make(chan int, 1)
	next <- 0
	return func() webdav.Target {
		n := <-next
		next <- n + 1
		return target(fmt.Sprintf("%srun %d/ms", strings.Replace(s.URL, " ", "%20", 1), n))
	}
}

func TestContract(t *testing.T) {
	eachServer(t, func(t *testing.T, server string) {
		folder := folders(t, server, testenv.WebDAVOptions{})
		publishtest.Contract(t, func(*testing.T) publish.Target { return folder() })
	})
}

func TestContractWithoutMove(t *testing.T) {
	t.Parallel()
	folder := folders(t, "nginx", testenv.WebDAVOptions{Without: "MOVE"})
	publishtest.Contract(t, func(*testing.T) publish.Target { return folder() })
}

// suite runs one of the suites of faults.
func suite(t *testing.T, run func(*testing.T, publishtest.Allowance, publishtest.OpenFunc)) {
	eachServer(t, func(t *testing.T, server string) {
		folder := folders(t, server, testenv.WebDAVOptions{})
		run(t, publishtest.AllowNothing, func(t *testing.T, dial publishtest.DialFunc) (faulty, clean publish.Target) {
			f := folder()
			c := f
			f.Dial = dial
			return f, c
		})
	})
}

func TestInterrupted(t *testing.T) { suite(t, publishtest.Interrupted) }
func TestCancelled(t *testing.T)   { suite(t, publishtest.Cancelled) }

func TestSilenced(t *testing.T) {
	suite(t, func(t *testing.T, allow publishtest.Allowance, open publishtest.OpenFunc) {
		publishtest.Silenced(t, allow, open, func(faulty publish.Target) publish.Target {
			target := faulty.(webdav.Target)
			target.Silence = time.Second
			return target
		})
	})
}

func set(t *testing.T, target publish.Target, docs publish.Documents) {
	t.Helper()
	if _, err := publish.Set(t.Context(), target, docs); err != nil {
		t.Fatal(err)
	}
}

// wantError checks what Set says, and that no secret is in it.
func wantError(t *testing.T, target webdav.Target, docs publish.Documents, want ...string) {
	t.Helper()
	_, err := publish.Set(t.Context(), target, docs)
	if err == nil {
		t.Errorf("no error; want one with %q", want)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %v, want an error with %q", err, w)
		}
	}
	if text := err.Error() + target.String(); strings.Contains(text, "secret") || strings.ContainsRune(text, 0x1b) {
		t.Errorf("a secret or a control character is in %q", text)
	}
}

// TestNothingElseIsLeft: no temporary file stays behind, and no folder is made
// that is not needed.
func TestNothingElseIsLeft(t *testing.T) {
	eachServer(t, func(t *testing.T, server string) {
		s := testenv.WebDAV(t, server, testenv.WebDAVOptions{})
		root := publishtest.NewRoot(serverlisttest.Options{})
		host := webdav.Target{URL: s.URL + "a/b"}
		for i := range 3 {
			set(t, host, root.Documents(t0+int64(i), "alpha"))
		}
		var files []string
		err := filepath.WalkDir(s.Dir, func(path string, _ os.DirEntry, err error) error {
			if name := strings.TrimPrefix(path, s.Dir); !strings.Contains(name, ".DAV") { // Apache's own notes
				files = append(files, name)
			}
			return err
		})
		if want := " /a /a/b /a/b/mirror.list /a/b/server.list /a/b/trust /a/b/trust/1.trust"; err != nil || strings.Join(files, " ") != want {
			t.Errorf("the server holds%s, want%s: %v", strings.Join(files, " "), want, err)
		}
	})
}

// TestWrong lists what operators get wrong. In no case may anything change.
func TestWrong(t *testing.T) {
	eachServer(t, func(t *testing.T, server string) {
		s := testenv.WebDAV(t, server, testenv.WebDAVOptions{User: user, Password: password})
		root := publishtest.NewRoot(serverlisttest.Options{})
		older, newer := root.Documents(t0, "alpha"), root.Documents(t0+1, "alpha")
		set(t, target(s.URL), older)
		for name, c := range map[string]struct {
			change func(*webdav.Target)
			want   string
		}{
			"password":     {func(o *webdav.Target) { o.Password = func() (string, error) { return "secret", nil } }, "the user or the password is wrong"},
			"no password":  {func(o *webdav.Target) { o.Password = nil }, "has a user and no password"},
			"no file":      {func(o *webdav.Target) { o.Password = func() (string, error) { return "", errors.New("no file") } }, "no file"},
			"no user":      {func(o *webdav.Target) { o.User = "" }, "wants a user and a password"},
			"scheme":       {func(o *webdav.Target) { o.URL = strings.Replace(s.URL, "http:", "https:", 1) }, "plain http"},
			"user in URL":  {func(o *webdav.Target) { o.URL = "http://u:secret@127.0.0.1/" }, "fields of their own"},
			"query":        {func(o *webdav.Target) { o.URL = s.URL + "?token=secret" }, "without \"?\""},
			"bad URL":      {func(o *webdav.Target) { o.URL = "http://u:secret@%zz" }, "cannot be read"},
			"no URL":       {func(o *webdav.Target) { o.URL = "" }, "must begin with https://"},
			"nobody there": {func(o *webdav.Target) { o.URL = "http://127.0.0.1:1/" }, "connection refused"},
		} {
			wrong := target(s.URL)
			c.change(&wrong)
			t.Run(name, func(t *testing.T) { wantError(t, wrong, newer, c.want) })
		}
		if held, err := os.ReadFile(filepath.Join(s.Dir, "server.list")); err != nil || !bytes.Equal(held, older.Servers.Bytes()) {
			t.Errorf("server.list was changed: %v", err)
		}
	})
}

func TestNoWebDAV(t *testing.T) {
	t.Parallel()
	plain := webdav.Target{URL: testenv.Nginx(t, t.TempDir())}
	wantError(t, plain, publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha"), "writing trust/1.trust", "there is no WebDAV folder")
}

func TestCertificates(t *testing.T) {
	eachServer(t, func(t *testing.T, server string) {
		docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
		cert, key, pool := testenv.Certificate(t, time.Hour)
		good := webdav.Target{URL: testenv.WebDAV(t, server, testenv.WebDAVOptions{Cert: cert, Key: key}).URL}
		wantError(t, good, docs, "signed by nobody that this machine trusts")
		good.RootCAs = pool
		set(t, good, docs)

		cert, key, pool = testenv.Certificate(t, -time.Hour)
		expired := webdav.Target{URL: testenv.WebDAV(t, server, testenv.WebDAVOptions{Cert: cert, Key: key}).URL, RootCAs: pool}
		wantError(t, expired, docs, "out of date")
	})
}

func TestReadOnlyFolder(t *testing.T) {
	eachServer(t, func(t *testing.T, server string) {
		s := testenv.WebDAV(t, server, testenv.WebDAVOptions{})
		root := publishtest.NewRoot(serverlisttest.Options{})
		older := root.Documents(t0, "alpha")
		set(t, webdav.Target{URL: s.URL}, older)
		if err := os.Chmod(s.Dir, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(s.Dir, 0o755) })
		wantError(t, webdav.Target{URL: s.URL}, root.Documents(t0+1, "alpha"), "writing mirror.list", "the host answers")
		set(t, webdav.Target{URL: s.URL}, older) // nothing to write: no error
	})
}

// TestFullDisk publishes an edition for which the host has no room.
func TestFullDisk(t *testing.T) {
	eachServer(t, func(t *testing.T, server string) {
		full := webdav.Target{URL: testenv.WebDAV(t, server, testenv.WebDAVOptions{DiskSize: "1m"}).URL}
		root := publishtest.NewRoot(serverlisttest.Options{})
		older := root.Documents(t0, "alpha")
		set(t, full, older)
		ids := make([]string, 20_000)
		for i := range ids {
			ids[i] = fmt.Sprintf("server-%05d", i)
		}
		newer := root.Documents(t0+1, ids...)
		wantError(t, full, newer, "writing server.list", "full")
		older.Mirrors = newer.Mirrors // came first, and fits
		held, err := publish.ReadBack(t.Context(), full, older.Trust)
		if err != nil || held.Servers == nil || !held.Servers.Same(older.Servers) || !held.Mirrors.Same(older.Mirrors) {
			t.Errorf("the host holds %+v: %v", held, err)
		}
		set(t, full, root.Documents(t0+2, "alpha"))
	})
}

// TestTwoPublishers: what another job has published since we looked stays.
func TestTwoPublishers(t *testing.T) {
	eachServer(t, func(t *testing.T, server string) {
		for _, without := range []string{"", "MOVE"} {
			folder := folders(t, server, testenv.WebDAVOptions{Without: without})
			for _, before := range [][]byte{nil, []byte("before")} {
				name := fmt.Sprintf("without %q over %q", without, before)
				one := folder()
				if before != nil {
					write(t, one, before)
				}
				s := open(t, one)
				look(t, s)
				write(t, one, []byte("theirs, longer"))
				err := s.Write(t.Context(), publish.ServerList, []byte("ours"))
				if server == "nginx" && without == "MOVE" && before == nil {
					continue // nginx ignores If-None-Match: nothing stops a direct PUT
				}
				if err == nil || !strings.Contains(err.Error(), "meanwhile") {
					t.Errorf("%s: got %v, want an error that names the other", name, err)
				}
				if got := look(t, s); got != "theirs, longer" {
					t.Errorf("%s: the other's document is now %q", name, got)
				}
				if err := s.Write(t.Context(), publish.ServerList, []byte("ours")); err != nil {
					t.Errorf("%s: having seen the other's, a write fails: %v", name, err)
				}
			}
		}
	})
}

func open(t *testing.T, target webdav.Target) publish.Session {
	t.Helper()
	s, err := target.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func write(t *testing.T, target webdav.Target, data []byte) {
	t.Helper()
	s := open(t, target)
	if err := errors.Join(s.Write(t.Context(), publish.ServerList, data), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// look reads the server list; "" if it is absent.
func look(t *testing.T, s publish.Session) string {
	t.Helper()
	r, err := s.Read(t.Context(), publish.ServerList)
	if err != nil {
		return ""
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(data)
}
