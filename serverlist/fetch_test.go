package serverlist_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestFetchList(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	doc := root.Publish(serverlisttest.Servers("cat2", "metalforge"))
	s := root.Site(serverlisttest.Honest)
	url := s.Start(t).URL + "/server.list"
	open := func(doc []byte) *serverlist.List { return root.Open(serverlist.TypeServerList, doc) }
	f := &serverlist.Fetcher{AllowPrivate: true}
	defer f.CloseIdleConnections()
	get := func(held *serverlist.List) (*serverlist.List, error) {
		return f.List(t.Context(), url, root.Want(serverlist.TypeServerList), root.Chain(), held)
	}

	first, err := get(nil)
	if err != nil || !bytes.Equal(first.Bytes(), doc) || len(first.Servers) != 2 {
		t.Fatalf("first: %v", err)
	}
	if _, err := get(first); !errors.Is(err, serverlist.ErrNotModified) {
		t.Errorf("the same again: %v", err)
	}
	if _, err := get(open(doc)); !errors.Is(err, serverlist.ErrNotModified) {
		t.Errorf("the same, held by another value: %v", err)
	}

	next := root.Publish(serverlisttest.Servers("cat2"))
	if l, err := get(first); err != nil || !l.Same(open(next)) {
		t.Errorf("news: %v", err)
	}
	s.Put("server.list", doc)
	if _, err := get(open(next)); !errors.Is(err, serverlist.ErrOlder) {
		t.Errorf("older: %v", err)
	}

	other := root.Sign(serverlisttest.Servers("impostor"))
	s.Put("server.list", other)
	_, err = get(first)
	var conflict *serverlist.ConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("another edition of the same number: %v", err)
	}
	if !bytes.HasPrefix(doc, conflict.Held) || !bytes.HasPrefix(other, conflict.Got) || bytes.Equal(conflict.Held, conflict.Got) {
		t.Errorf("evidence:\n%s\n%s", conflict.Held, conflict.Got)
	}
	for _, head := range [][]byte{conflict.Held, conflict.Got} {
		if _, err := serverlist.OpenHead(head, root.Want(serverlist.TypeServerList), root.Chain()); err != nil {
			t.Errorf("evidence does not verify: %v", err)
		}
	}
	want := []string{"server.list", "server.list (conditional)", "server.list (conditional)", "server.list (conditional)", "server.list (conditional)", "server.list"}
	if got := s.Asked(); !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

// A host without ETag but with Last-Modified works as well.
func TestFetchLastModified(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	doc := root.Sign(serverlisttest.Servers("cat2"))
	conditional := 0
	url := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-Modified-Since") != "" {
			conditional++
		}
		http.ServeContent(rw, r, "", time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC), bytes.NewReader(doc))
	})) + "/server.list"
	f := &serverlist.Fetcher{AllowPrivate: true}
	defer f.CloseIdleConnections()
	first, err := f.List(t.Context(), url, root.Want(serverlist.TypeServerList), root.Chain(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.List(t.Context(), url, root.Want(serverlist.TypeServerList), root.Chain(), first); !errors.Is(err, serverlist.ErrNotModified) || conditional != 1 {
		t.Errorf("%v after %d conditional requests", err, conditional)
	}
}

// An ETag is sent back only if it is not longer than any honest one: it would be
// kept for each of many URLs, and go wherever the next request is redirected.
func TestFetchDropsLongETags(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	doc := root.Sign(serverlisttest.Servers("cat2"))
	for length, want := range map[int]bool{100: true, 50_000: false} {
		etag, conditional := fmt.Sprintf("%q", strings.Repeat("x", length)), false
		url := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			conditional = conditional || r.Header.Get("If-None-Match") != ""
			rw.Header().Set("ETag", etag)
			http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(doc))
		})) + "/server.list"
		f := &serverlist.Fetcher{AllowPrivate: true}
		defer f.CloseIdleConnections()
		first, err := f.List(t.Context(), url, root.Want(serverlist.TypeServerList), root.Chain(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.List(t.Context(), url, root.Want(serverlist.TypeServerList), root.Chain(), first)
		if !errors.Is(err, serverlist.ErrNotModified) || conditional != want {
			t.Errorf("an ETag of %d bytes: %v, sent back: %v", length, err, conditional)
		}
	}
}

// When what is held comes from a cache there is no ETag yet. The head tells
// that nothing is new; the body stays where it is.
func TestFetchStopsAfterTheHead(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	doc := root.Sign(serverlist.Draft{Body: manyServers(t, 10_000)})
	var sent atomic.Int64
	h := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		for chunk := range slices.Chunk(doc, 16<<10) {
			n, err := rw.Write(chunk)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	})
	f := &serverlist.Fetcher{HTTP: &http.Client{Transport: serverlisttest.Net{"m.example": h}}}
	_, err := f.List(t.Context(), "http://m.example/", root.Want(serverlist.TypeServerList), root.Chain(), root.Open(serverlist.TypeServerList, doc))
	if !errors.Is(err, serverlist.ErrNotModified) || sent.Load() > 64<<10 {
		t.Errorf("%v after %d bytes", err, sent.Load())
	}
}

// Hosts in trouble, beside the faults that serverlisttest has.
func TestFetchRefuses(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	good := root.Sign(serverlisttest.Servers("cat2", "metalforge"))
	status := func(code int) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(code) })
	}
	encoded := func(encoding string, body []byte) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Encoding", encoding)
			rw.Write(body)
		})
	}
	tests := map[string]struct {
		host    http.Handler
		outcome serverlist.Outcome
		detail  string
	}{
		"forbidden":               {status(403), serverlist.OutcomeFailed, "login"},
		"overloaded":              {status(503), serverlist.OutcomeFailed, "overloaded"},
		"out of order":            {status(500), serverlist.OutcomeFailed, "out of order"},
		"portal says so":          {status(511), serverlist.OutcomeFailed, "captive portal"},
		"unasked 304":             {status(304), serverlist.OutcomeFailed, "304"},
		"unasked 206":             {status(206), serverlist.OutcomeFailed, "206"},
		"text":                    {raw([]byte("It works!\n")), serverlist.OutcomeRefused, "not a signed document"},
		"brotli":                  {encoded("br", good), serverlist.OutcomeRefused, "not asked for"},
		"bad gzip":                {encoded("gzip", good), serverlist.OutcomeFailed, "gzip"},
		"empty gzip":              {encoded("gzip", nil), serverlist.OutcomeFailed, "broke off"},
		"redirect with password":  {http.RedirectHandler("http://u:p@m.example/server.list", http.StatusFound), serverlist.OutcomeRefused, "user name"},
		"redirect to nowhere":     {status(302), serverlist.OutcomeFailed, "302"},
		"redirect to the machine": {http.RedirectHandler("http://localhost:631/", http.StatusFound), serverlist.OutcomeFailed, "private address localhost:631"},
		"refused connection":      {nil, serverlist.OutcomeFailed, "nothing listens"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Private addresses are allowed: a redirect from outside is not.
			f := &serverlist.Fetcher{HTTP: &http.Client{Transport: serverlisttest.Net{"m.example": tt.host}}, AllowPrivate: true}
			l, err := f.List(t.Context(), "http://m.example/server.list", root.Want(serverlist.TypeServerList), root.Chain(), nil)
			var fe *serverlist.FetchError
			if l != nil || !errors.As(err, &fe) {
				t.Fatalf("got %v, %v", l, err)
			}
			if fe.Outcome != tt.outcome || !strings.Contains(fe.Detail, tt.detail) || fe.URL != "http://m.example/server.list" {
				t.Errorf("%s: %s; want %s: ...%s...", fe.Outcome, fe.Detail, tt.outcome, tt.detail)
			}
		})
	}
}

func TestFetchAccepts(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	good := root.Publish(serverlisttest.Servers("cat2", "metalforge"))
	s := root.Site(serverlisttest.Honest)
	redirects := func(n int) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if i := len(r.URL.Query().Get("x")); i < n {
				http.Redirect(rw, r, r.URL.Path+"?x="+strings.Repeat("x", i+1), http.StatusMovedPermanently)
				return
			}
			s.ServeHTTP(rw, r)
		})
	}
	for name, host := range map[string]http.Handler{
		"plain":           s,
		"CRLF":            raw(bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n"))),
		"three redirects": redirects(3),
		"any MIME type": http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/html; charset=latin-1")
			rw.Write(good)
		}),
		"gzip": http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				rw.Write(good)
				return
			}
			rw.Header().Set("Content-Encoding", "GZIP")
			rw.Write(gzipped(good))
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, host) + "/server.list"
			f := &serverlist.Fetcher{AllowPrivate: true}
			defer f.CloseIdleConnections()
			l, err := f.List(t.Context(), url, root.Want(serverlist.TypeServerList), root.Chain(), nil)
			if err != nil || !bytes.Equal(l.Bytes(), good) {
				t.Errorf("List: %v", err)
			}
			n, err := f.Head(t.Context(), url, root.Want(serverlist.TypeServerList), root.Chain())
			if err != nil || !bytes.Equal(n.Text, l.Text()) {
				t.Errorf("Head: %v", err)
			}
		})
	}
}

// serve starts a real server on loopback.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// raw answers everything with these bytes.
func raw(doc []byte) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(doc) })
}

func gzipped(doc []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(doc)
	z.Close()
	return b.Bytes()
}
