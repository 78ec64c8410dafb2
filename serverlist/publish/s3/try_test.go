package s3_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/publish/s3"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// objects lists those of a store.
func objects(t *testing.T, store *testenv.S3Store) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(store.Dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.Contains(path, ".vgwlocks") {
			names = append(names, strings.TrimPrefix(path, store.Dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestTryWrite: nothing is left in a store that knows conditions, and nothing in
// one that refuses or ignores them.
func TestTryWrite(t *testing.T) {
	t.Parallel()
	store := testenv.S3(t, testenv.S3Options{}, "bucket")
	real, _ := url.Parse(store.URL)
	set(t, target(store), publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha"))
	before := objects(t, store)
	for name, change := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"knows conditions": func(http.ResponseWriter, *http.Request) bool { return false },
		"ignores conditions": func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("If-Match") == "" {
				return false
			}
			body, err := io.ReadAll(r.Body)
			if err := errors.Join(err, os.WriteFile(filepath.Join(store.Dir, r.URL.Path), body, 0o644)); err != nil {
				t.Error(err)
			}
			w.Header().Set("ETag", `"0123456789abcdef0123456789abcdef"`)
			return true
		},
		"refuses conditions": func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("If-Match") == "" {
				return false
			}
			w.WriteHeader(http.StatusNotImplemented)
			io.WriteString(w, "<Error><Code>NotImplemented</Code><Message>no</Message></Error>")
			return true
		},
	} {
		host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !change(w, r) {
				forward(t, w, r, real)
			}
		}))
		defer host.Close()
		tried := target(store)
		tried.Endpoint = host.URL
		if err := publish.TryWrite(t.Context(), tried); err != nil {
			t.Errorf("a store that %s: %v", name, err)
		}
		if after := objects(t, store); after != before {
			t.Errorf("a store that %s holds %s, and before %s", name, after, before)
		}
	}
}

// TestTryWriteReadOnly: keys that may read and not write are found out.
func TestTryWriteReadOnly(t *testing.T) {
	t.Parallel()
	store := testenv.S3(t, testenv.S3Options{}, "bucket")
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	set(t, target(store), docs)
	before := objects(t, store)
	reader := target(store.Reader(t, "bucket"))
	set(t, reader, docs) // nothing to write: no error
	if err := publish.TryWrite(t.Context(), reader); err == nil || !strings.Contains(err.Error(), "AccessDenied") || !strings.Contains(err.Error(), "the key needs s3:GetObject and s3:PutObject") {
		t.Errorf("the trial says %v", err)
	}
	if after := objects(t, store); after != before {
		t.Errorf("the store holds %s, and before %s", after, before)
	}
	wrong := target(store)
	wrong.Bucket = "absent"
	if err := publish.TryWrite(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), `create the bucket "absent"`) {
		t.Errorf("without a bucket, the trial says %v", err)
	}
}

func TestTryWriteInterrupted(t *testing.T) {
	t.Parallel()
	folder := folders(t)
	publishtest.TriedInterrupted(t, func(t *testing.T, dial publishtest.DialFunc) (faulty, clean publish.Target) {
		f := folder()
		c := f
		f.Dial = dial
		return f, c
	})
}

func TestGiveUpAfter(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	host := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer host.Close()
	defer close(release)
	silent := s3.Target{Endpoint: host.URL, Bucket: "bucket", AccessKey: "a", SecretKey: func() (string, error) { return "s", nil }}
	if err := publish.TryWrite(t.Context(), publish.GiveUpAfter(silent, 100*time.Millisecond)); err == nil || !strings.Contains(err.Error(), "100ms") {
		t.Errorf("got %v", err)
	}
}
