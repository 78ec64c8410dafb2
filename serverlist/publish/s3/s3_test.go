package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/publish/s3"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

const t0 = 1_793_000_000 // version of a first edition

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// target returns one that is right for the store; tests change it.
func target(s *testenv.S3Store) s3.Target {
	return s3.Target{
		Endpoint: s.URL, Region: s.Region, Bucket: "bucket", Prefix: "ms", AccessKey: s.AccessKey,
		SecretKey: func() (string, error) { return s.SecretKey, nil },
	}
}

// folders returns a function that gives a target in a folder of its own of one
// store each time: a store for each of the suites' many runs takes too long.
func folders(t *testing.T) func() s3.Target {
	store := testenv.S3(t, testenv.S3Options{}, "bucket")
	next := make(chan int, 1)
	next <- 0
	return func() s3.Target {
		n := <-next
		next <- n + 1
		f := target(store)
		f.Prefix = fmt.Sprintf("run/%d", n)
		return f
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	folder := folders(t)
	publishtest.Contract(t, func(*testing.T) publish.Target { return folder() })
}

// suite runs one of the suites of faults.
func suite(t *testing.T, run func(*testing.T, publishtest.Allowance, publishtest.OpenFunc)) {
	t.Parallel()
	folder := folders(t)
	run(t, publishtest.AllowNothing, func(t *testing.T, dial publishtest.DialFunc) (faulty, clean publish.Target) {
		f := folder()
		c := f
		f.Dial = dial
		return f, c
	})
}

func TestInterrupted(t *testing.T) { suite(t, publishtest.Interrupted) }
func TestCancelled(t *testing.T)   { suite(t, publishtest.Cancelled) }

func TestSilenced(t *testing.T) {
	suite(t, func(t *testing.T, allow publishtest.Allowance, open publishtest.OpenFunc) {
		publishtest.Silenced(t, allow, open, func(faulty publish.Target) publish.Target {
			target := faulty.(s3.Target)
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
func wantError(t *testing.T, target s3.Target, docs publish.Documents, secret string, want ...string) {
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
	if secret != "" && strings.Contains(err.Error()+target.String(), secret) {
		t.Errorf("a secret is in %q or %q", err, target)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	store := testenv.S3(t, testenv.S3Options{}, "bucket")
	set(t, target(store), publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha"))
	var metadata strings.Builder
	sidecar := filepath.Join(store.Dir, "../sidecar")
	err := filepath.Walk(sidecar, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&metadata, "%s = %s\n", strings.TrimPrefix(path, sidecar), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server.list", "mirror.list", "trust/1.trust"} {
		if _, err := os.Stat(filepath.Join(store.Dir, "bucket/ms", name)); err != nil {
			t.Error(err)
		}
	}
	for text, n := range map[string]int{"text/plain; charset=utf-8": 3, "public, max-age=60": 2, "public, max-age=31536000, immutable": 1} {
		if got := strings.Count(metadata.String(), text); got != n {
			t.Errorf("%q is on %d objects, want %d:\n%s", text, got, n, metadata.String())
		}
	}
}

// TestWrong lists what operators get wrong. In no case may anything change.
func TestWrong(t *testing.T) {
	t.Parallel()
	store := testenv.S3(t, testenv.S3Options{}, "bucket")
	root := publishtest.NewRoot(serverlisttest.Options{})
	older, newer := root.Documents(t0, "alpha"), root.Documents(t0+1, "alpha")
	set(t, target(store), older)
	for name, c := range map[string]struct {
		change func(*s3.Target)
		want   string
	}{
		"secret":        {func(o *s3.Target) { o.SecretKey = func() (string, error) { return "wrong-secret", nil } }, "the secret key is not the one"},
		"no secret":     {func(o *s3.Target) { o.SecretKey = func() (string, error) { return "", errors.New("no file") } }, "no file"},
		"access key":    {func(o *s3.Target) { o.AccessKey = "NOBODY" }, "does not know the access key"},
		"bucket":        {func(o *s3.Target) { o.Bucket = "absent" }, `create the bucket "absent"`},
		"region":        {func(o *s3.Target) { o.Region = "eu-central-1" }, `the region is "eu-central-1" here`},
		"scheme":        {func(o *s3.Target) { o.Endpoint = strings.Replace(store.URL, "http:", "https:", 1) }, "plain http"},
		"path":          {func(o *s3.Target) { o.Endpoint += "/bucket" }, "belongs to the bucket or the prefix"},
		"user in URL":   {func(o *s3.Target) { o.Endpoint = "http://u:wrong-secret@127.0.0.1" }, "fields of their own"},
		"bad URL":       {func(o *s3.Target) { o.Endpoint = "http://u:wrong-secret@%zz" }, "cannot be read"},
		"nobody there":  {func(o *s3.Target) { o.Endpoint = "http://127.0.0.1:1" }, "connection refused"},
		"nothing given": {func(o *s3.Target) { *o = s3.Target{} }, "needs an endpoint"},
		"style":         {func(o *s3.Target) { o.Style = "odd" }, `"odd" is not known`},
		"prefix":        {func(o *s3.Target) { o.Prefix = "a/../b" }, "is not a folder's path"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong := target(store)
			c.change(&wrong)
			wantError(t, wrong, newer, "wrong-secret", c.want)
		})
	}
	t.Cleanup(func() {
		h, err := os.ReadFile(filepath.Join(store.Dir, "bucket/ms/server.list"))
		if err != nil || !bytes.Equal(h, older.Servers.Bytes()) {
			t.Errorf("server.list was changed: %v", err)
		}
	})
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	cert, key, pool := testenv.Certificate(t, time.Hour)
	good := target(testenv.S3(t, testenv.S3Options{Cert: cert, Key: key}, "bucket"))
	wantError(t, good, docs, "", "signed by nobody that this machine trusts")
	good.RootCAs = pool
	set(t, good, docs)

	cert, key, pool = testenv.Certificate(t, -time.Hour)
	expired := target(testenv.S3(t, testenv.S3Options{Cert: cert, Key: key}, "bucket"))
	expired.RootCAs = pool
	wantError(t, expired, docs, "", "out of date")
}

// TestFullDisk publishes an edition for which the store has no room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	full := target(testenv.S3(t, testenv.S3Options{DiskSize: "1m"}, "bucket"))
	root := publishtest.NewRoot(serverlisttest.Options{})
	older := root.Documents(t0, "alpha")
	set(t, full, older)
	ids := make([]string, 20_000)
	for i := range ids {
		ids[i] = fmt.Sprintf("server-%05d", i)
	}
	newer := root.Documents(t0+1, ids...)
	wantError(t, full, newer, "", "server.list", "full")
	older.Mirrors = newer.Mirrors // came first, and fits
	holding, err := publish.ReadBack(t.Context(), full, older.Trust)
	if err != nil || holding.Servers == nil || !holding.Servers.Same(older.Servers) || !holding.Mirrors.Same(older.Mirrors) {
		t.Errorf("the store holds %+v: %v", holding, err)
	}
	set(t, full, root.Documents(t0+2, "alpha"))
}

func TestReadOnlyBucket(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		testenv.Unable(t, "root may write to read-only folders")
	}
	store := testenv.S3(t, testenv.S3Options{}, "bucket")
	if err := os.Chmod(filepath.Join(store.Dir, "bucket"), 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(store.Dir, "bucket"), 0o755) })
	wantError(t, target(store), publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha"), "", "writing trust/1.trust", "the store")
}

// TestTwoPublishers: what another job has published since we looked stays.
func TestTwoPublishers(t *testing.T) {
	t.Parallel()
	store := testenv.S3(t, testenv.S3Options{}, "bucket")
	for name, before := range map[string][]byte{"over nothing": nil, "over a document": []byte("before")} {
		one := target(store)
		one.Prefix = url.PathEscape(name)
		if before != nil {
			write(t, one, before)
		}
		s, err := one.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if r, err := s.Read(t.Context(), publish.ServerList); err == nil {
			io.Copy(io.Discard, r)
			r.Close()
		}
		write(t, one, []byte("theirs"))
		err = s.Write(t.Context(), publish.ServerList, []byte("ours"))
		if err == nil || !strings.Contains(err.Error(), "meanwhile") {
			t.Errorf("%s: got %v, want an error that names the other", name, err)
		}
		if err := s.Write(t.Context(), publish.ServerList, []byte("ours")); err != nil {
			t.Errorf("%s: having seen the other's, a write fails: %v", name, err)
		}
	}
}

func write(t *testing.T, target s3.Target, data []byte) {
	t.Helper()
	s, err := target.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Write(t.Context(), publish.ServerList, data), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestOtherAnswers puts a host of our own between target and store, for what
// versitygw does not do.
func TestOtherAnswers(t *testing.T) {
	t.Parallel()
	store := testenv.S3(t, testenv.S3Options{}, "bucket")
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	xml := func(status int, code, message string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
		}
	}
	page := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			io.WriteString(w, "<!doctype html><title>Nothing here</title>")
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a page for a document":  {page(200), "a web page instead of a file"},
		"a page for what is not": {page(404), "a web page instead of a file"},
		"403 for what is absent": {xml(403, "AccessDenied", "Access Denied"), "s3:ListBucket"},
		"403 without a reason":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, "s3:ListBucket"},
		"clock":                  {xml(403, "RequestTimeTooSkewed", "too large"), "the clock of this machine"},
		"region":                 {xml(400, "AuthorizationHeaderMalformed", "expecting 'x'"), `should be the one`},
		"busy":                   {xml(503, "SlowDown", "Please\x1b[31m reduce"), "a fault of its own"},
		"a web page":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502); io.WriteString(w, "<html>") }, "a fault of its own"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://eu.other.example/?X-Amz-Signature=wrong-secret", http.StatusTemporaryRedirect)
		}, "sends us to https://eu.other.example: "},
		"no end": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\nhello")
			conn.Close()
		}, "does not tell how long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := httptest.NewServer(c.answer)
			defer host.Close()
			wrong := target(store)
			wrong.Endpoint = host.URL
			wantError(t, wrong, docs, "wrong-secret", c.want)
			if _, err := publish.Set(t.Context(), wrong, docs); strings.ContainsRune(fmt.Sprint(err), 0x1b) {
				t.Errorf("a control character is in %q", err)
			}
		})
	}
}

// TestNoConditions: a store that knows no conditions gets the documents
// without, and an answer that was lost is no conflict.
func TestNoConditions(t *testing.T) {
	t.Parallel()
	store := testenv.S3(t, testenv.S3Options{}, "bucket")
	real, _ := url.Parse(store.URL)
	refused := 0
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			refused++
			w.WriteHeader(http.StatusNotImplemented)
			io.WriteString(w, "<Error><Code>NotImplemented</Code><Message>A header you provided implies functionality that is not implemented</Message></Error>")
			return
		}
		forward(t, w, r, real)
	}))
	defer host.Close()
	old := target(store)
	old.Endpoint = host.URL
	set(t, old, publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha"))
	if refused != 1 {
		t.Errorf("%d requests had conditions after the first was refused", refused)
	}
}

func TestLostAnswer(t *testing.T) {
	t.Parallel()
	store := testenv.S3(t, testenv.S3Options{}, "bucket")
	real, _ := url.Parse(store.URL)
	lost := false
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && !lost {
			lost = true
			forward(t, httptest.NewRecorder(), r, real)
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		forward(t, w, r, real)
	}))
	defer host.Close()
	far := target(store)
	far.Endpoint = host.URL
	set(t, far, publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha"))
}

// forward sends a request on as it is: its signature covers the host.
func forward(t *testing.T, w http.ResponseWriter, r *http.Request, to *url.URL) {
	t.Helper()
	out := r.Clone(r.Context())
	out.RequestURI, out.URL.Scheme, out.URL.Host = "", to.Scheme, to.Host
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(out)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body)
}
