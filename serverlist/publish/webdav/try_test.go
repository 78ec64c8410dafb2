package webdav_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/publish/webdav"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// files lists the files of a server, without Apache's own notes.
func files(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if name := strings.TrimPrefix(path, dir); err == nil && !e.IsDir() && !strings.Contains(name, ".DAV") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestTryWrite: a trial leaves no file, whether or not there is a folder, and
// whether or not the server can move and remove.
func TestTryWrite(t *testing.T) {
	eachServer(t, func(t *testing.T, server string) {
		for _, missing := range []string{"", "MOVE", "DELETE"} {
			s := testenv.WebDAV(t, server, testenv.WebDAVOptions{Without: missing})
			docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
			set(t, webdav.Target{URL: s.URL}, docs)
			before := files(t, s.Dir)
			for _, url := range []string{s.URL, s.URL, s.URL + "new/ms/"} {
				if err := publish.TryWrite(t.Context(), webdav.Target{URL: url}); err != nil {
					t.Errorf("without %q: %s: %v", missing, url, err)
				}
			}
			if after := files(t, s.Dir); after != before && (missing != "DELETE" || server == "apache2") {
				t.Errorf("without %q the server holds %s, and before %s", missing, after, before)
			}
			set(t, webdav.Target{URL: s.URL}, docs)
			if server == "apache2" {
				return // it takes all methods
			}
		}
	})
}

// TestTryWriteReadOnly: what may be read and not be written is found out while
// there is nothing to publish.
func TestTryWriteReadOnly(t *testing.T) {
	eachServer(t, func(t *testing.T, server string) {
		docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
		for _, folder := range []string{"", "trust"} {
			s := testenv.WebDAV(t, server, testenv.WebDAVOptions{})
			host := webdav.Target{URL: s.URL}
			set(t, host, docs)
			before := files(t, s.Dir)
			if err := os.Chmod(filepath.Join(s.Dir, folder), 0o555); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chmod(filepath.Join(s.Dir, folder), 0o755) })
			if err := publish.TryWrite(t.Context(), host); err == nil || !strings.Contains(err.Error(), "putting a trial file: the host answers") {
				t.Errorf("with a folder %q that is read-only, the trial says %v", folder, err)
			}
			if after := files(t, s.Dir); after != before {
				t.Errorf("the server holds %s, and before %s", after, before)
			}
		}
	})
}

func TestTryWriteWithoutPut(t *testing.T) {
	t.Parallel()
	s := testenv.WebDAV(t, "nginx", testenv.WebDAVOptions{Without: "PUT"})
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	set(t, publish.Folder{Path: s.Dir}, docs)
	host := webdav.Target{URL: s.URL}
	set(t, host, docs)
	if err := publish.TryWrite(t.Context(), host); err == nil || !strings.Contains(err.Error(), "or it is read-only") {
		t.Errorf("the trial says %v", err)
	}
}

func TestTryWriteInterrupted(t *testing.T) {
	eachServer(t, func(t *testing.T, server string) {
		folder := folders(t, server, testenv.WebDAVOptions{})
		publishtest.TriedInterrupted(t, func(t *testing.T, dial publishtest.DialFunc) (faulty, clean publish.Target) {
			f := folder()
			c := f
			f.Dial = dial
			return f, c
		})
	})
}

// TestGiveUpAfter: a host that says nothing is given up after the time that was
// asked for, which the message names, and is not asked again.
func TestGiveUpAfter(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 100)
	release := make(chan struct{})
	host := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- r.Method
		<-release
	}))
	defer host.Close()
	defer close(release)
	err := publish.TryWrite(t.Context(), publish.GiveUpAfter(webdav.Target{URL: host.URL}, 100*time.Millisecond))
	if err == nil || !strings.Contains(err.Error(), "100ms") {
		t.Errorf("got %v", err)
	}
	if n := len(asked); n > 1 {
		t.Errorf("it was asked %d times", n)
	}
	if same := publish.GiveUpAfter(webdav.Target{Silence: time.Second}, time.Minute).(webdav.Target); same.Silence != time.Second {
		t.Errorf("a time that is shorter already became %v", same.Silence)
	}
}
