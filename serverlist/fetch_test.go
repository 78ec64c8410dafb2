package serverlist

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestFetchList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	doc := w.servers("cat2", "metalforge")
	s := w.newSite(doc, nil)
	url := serve(t, s) + "/server.list"
	f := &Fetcher{AllowPrivate: true}
	defer f.CloseIdleConnections()
	get := func(held *List) (*List, error) {
		return f.List(t.Context(), url, w.want(TypeServerList), w.chain(1), held)
	}

	first, err := get(nil)
	if err != nil || !bytes.Equal(first.Bytes(), doc) || len(first.Servers) != 2 {
		t.Fatalf("first: %v", err)
	}
	if _, err := get(first); !errors.Is(err, ErrNotModified) {
		t.Errorf("the same again: %v", err)
	}
	if _, err := get(w.open(doc)); !errors.Is(err, ErrNotModified) {
		t.Errorf("the same, held by another value: %v", err)
	}

	w.now = w.now.Add(time.Hour)
	next := w.servers("cat2")
	s.put("/server.list", next)
	if l, err := get(first); err != nil || !l.Same(w.open(next)) {
		t.Errorf("news: %v", err)
	}
	s.put("/server.list", doc)
	if _, err := get(w.open(next)); !errors.Is(err, ErrOlder) {
		t.Errorf("older: %v", err)
	}

	w.now = w.now.Add(-time.Hour)
	other := w.servers("impostor")
	s.put("/server.list", other)
	_, err = get(first)
	var conflict *ConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("another edition of the same number: %v", err)
	}
	if !bytes.HasPrefix(doc, conflict.Held) || !bytes.HasPrefix(other, conflict.Got) || bytes.Equal(conflict.Held, conflict.Got) {
		t.Errorf("evidence:\n%s\n%s", conflict.Held, conflict.Got)
	}
	for _, head := range [][]byte{conflict.Held, conflict.Got} {
		if _, err := OpenHead(head, w.want(TypeServerList), w.chain(1)); err != nil {
			t.Errorf("evidence does not verify: %v", err)
		}
	}
	want := []string{"/server.list", "/server.list (conditional)", "/server.list (conditional)", "/server.list (conditional)", "/server.list (conditional)", "/server.list"}
	if got := s.asked(); !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

// A host without ETag but with Last-Modified works as well.
func TestFetchLastModified(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	doc := w.servers("cat2")
	conditional := 0
	url := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-Modified-Since") != "" {
			conditional++
		}
		http.ServeContent(rw, r, "", time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC), bytes.NewReader(doc))
	})) + "/server.list"
	f := &Fetcher{AllowPrivate: true}
	defer f.CloseIdleConnections()
	first, err := f.List(t.Context(), url, w.want(TypeServerList), w.chain(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.List(t.Context(), url, w.want(TypeServerList), w.chain(1), first); !errors.Is(err, ErrNotModified) || conditional != 1 {
		t.Errorf("%v after %d conditional requests", err, conditional)
	}
}

// When what is held comes from a cache there is no ETag yet. The head tells
// that nothing is new; the body stays where it is.
func TestFetchStopsAfterTheHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	doc := w.bigServers(3 << 20)
	var sent atomic.Int64
	h := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		for chunk := range slices.Chunk(doc, 16<<10) {
			n, err := rw.Write(chunk)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	})
	f := &Fetcher{HTTP: &http.Client{Transport: fakeNet{"m.example": h}}}
	_, err := f.List(t.Context(), "http://m.example/", w.want(TypeServerList), w.chain(1), w.open(doc))
	if !errors.Is(err, ErrNotModified) || sent.Load() > 64<<10 {
		t.Errorf("%v after %d bytes", err, sent.Load())
	}
}

func TestFetchRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.servers("cat2", "metalforge")
	edit := func(change func([]byte) []byte) http.Handler { return raw(change(bytes.Clone(good))) }
	other := newWorld(t)
	other.origin = "ms.example.com"
	other.docs, other.trust = nil, nil
	other.addTrust("list-1")
	w.now = w.now.Add(time.Second)
	next := w.servers("cat2", "metalforgx")
	w.now = w.now.Add(-time.Second)
	encoded := func(encoding string, body []byte) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Encoding", encoding)
			rw.Write(body)
		})
	}
	bodyAt := bytes.Index(good, []byte("\n\n{")) + 2

	tests := map[string]struct {
		host    http.Handler
		outcome Outcome
		detail  string
	}{
		"absent":          {http.NotFoundHandler(), OutcomeAbsent, "404"},
		"forbidden":       {status(403), OutcomeFailed, "login"},
		"overloaded":      {status(503), OutcomeFailed, "overloaded"},
		"out of order":    {status(500), OutcomeFailed, "out of order"},
		"portal says so":  {status(511), OutcomeFailed, "captive portal"},
		"unasked 304":     {status(304), OutcomeFailed, "304"},
		"unasked 206":     {status(206), OutcomeFailed, "206"},
		"HTML":            {status(200), OutcomeRefused, "captive portal or login page?"},
		"empty":           {raw(nil), OutcomeRefused, "empty"},
		"text":            {raw([]byte("It works!\n")), OutcomeRefused, "not a signed document"},
		"byte of head":    {edit(func(b []byte) []byte { b[30] ^= 1; return b }), OutcomeRefused, "signature"},
		"byte of body":    {edit(func(b []byte) []byte { b[len(b)-5] ^= 1; return b }), OutcomeRefused, "wrong-hash"},
		"torn":            {raw(append(bytes.Clone(good[:bodyAt]), next[len(next)-len(good)+bodyAt:]...)), OutcomeRefused, "half of one edition"},
		"cut":             {edit(func(b []byte) []byte { return b[:len(b)-9] }), OutcomeRefused, "truncated"},
		"cut in head":     {edit(func(b []byte) []byte { return b[:200] }), OutcomeRefused, "envelope"},
		"appended":        {edit(func(b []byte) []byte { return append(b, "<script>"...) }), OutcomeRefused, "trailing-bytes"},
		"wrong origin":    {raw(other.servers("cat2")), OutcomeRefused, "signature"},
		"wrong type":      {raw(w.mirrors("m http://m.example/")), OutcomeRefused, "wrong-type"},
		"brotli":          {encoded("br", good), OutcomeRefused, "not asked for"},
		"bad gzip":        {encoded("gzip", good), OutcomeFailed, "gzip"},
		"empty gzip":      {encoded("gzip", nil), OutcomeFailed, "broke off"},
		"gzip bomb":       {encoded("gzip", gzipped(append(bytes.Clone(good), make([]byte, 8<<20)...))), OutcomeRefused, "trailing-bytes"},
		"bomb of nothing": {encoded("gzip", bytes.Repeat(gzipped(nil), 1<<15)), OutcomeFailed, "more bytes"},
		"endless": {http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			for err := error(nil); err == nil; {
				_, err = rw.Write(bytes.Repeat([]byte("all work and no play\n"), 100))
			}
		}), OutcomeRefused, "larger than"},
		"endless body": {http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Write(good)
			for err := error(nil); err == nil; {
				_, err = rw.Write(good)
			}
		}), OutcomeRefused, "trailing-bytes"},
		"redirect loop": {http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, r.URL.Path, http.StatusFound)
		}), OutcomeRefused, "more than 3 redirects"},
		"redirect to ftp":         {http.RedirectHandler("ftp://m.example/server.list", http.StatusFound), OutcomeRefused, "must begin with http"},
		"redirect with password":  {http.RedirectHandler("http://u:p@m.example/server.list", http.StatusFound), OutcomeRefused, "user name"},
		"redirect to nowhere":     {status(302), OutcomeFailed, "302"},
		"redirect to the router":  {http.RedirectHandler("http://192.168.1.1/login", http.StatusFound), OutcomeFailed, "private address 192.168.1.1"},
		"redirect to the machine": {http.RedirectHandler("http://localhost:631/", http.StatusFound), OutcomeFailed, "private address localhost:631"},
		"refused connection":      {nil, OutcomeFailed, "nothing listens"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Private addresses are allowed: a redirect from outside is not.
			f := &Fetcher{HTTP: &http.Client{Transport: fakeNet{"m.example": tt.host}}, AllowPrivate: true}
			l, err := f.List(t.Context(), "http://m.example/server.list", w.want(TypeServerList), w.chain(1), nil)
			var fe *FetchError
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
	w := newWorld(t)
	good := w.servers("cat2", "metalforge")
	s := w.newSite(good, nil)
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
			f := &Fetcher{AllowPrivate: true}
			defer f.CloseIdleConnections()
			l, err := f.List(t.Context(), url, w.want(TypeServerList), w.chain(1), nil)
			if err != nil || !bytes.Equal(l.Bytes(), good) {
				t.Errorf("List: %v", err)
			}
			n, err := f.Head(t.Context(), url, w.want(TypeServerList), w.chain(1))
			if err != nil || !bytes.Equal(n.Text, l.Text()) {
				t.Errorf("Head: %v", err)
			}
		})
	}
}

func TestFetchLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := serve(t, w.newSite(w.servers("cat2", "metalforge"), nil)) + "/"
	f := &Fetcher{AllowPrivate: true, Limits: Limits{Body: 20}}
	defer f.CloseIdleConnections()
	want := w.want(TypeServerList)
	if _, err := f.List(t.Context(), url+"server.list", want, w.chain(1), nil); err == nil || !strings.Contains(err.Error(), "larger than 20") {
		t.Errorf("the Fetcher's limit: %v", err)
	}
	want.Limits.Body = 10
	if _, err := f.Head(t.Context(), url+"server.list", want, w.chain(1)); err == nil || !strings.Contains(err.Error(), "larger than 10") {
		t.Errorf("the limit of a Want: %v", err)
	}
}

func TestFetchHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.bigServers(100 << 10)
	want := w.open(good).Text()
	long := w.longHead(7 << 10)
	tests := map[string]struct {
		host  http.Handler
		asked int
	}{
		"range":                 {w.newSite(good, nil), 1},
		"range is ignored":      {raw(good), 1},
		"head beyond the range": {w.newSite(long, nil), 2},
		"range not satisfiable": {http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				rw.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return
			}
			rw.Write(good)
		}), 2},
		"short range": {http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				rw.Header().Set("Content-Range", fmt.Sprintf("bytes 0-99/%d", len(good)))
				rw.WriteHeader(http.StatusPartialContent)
				rw.Write(good[:100])
				return
			}
			rw.Write(good)
		}), 2},
		"cut between CR and LF": {http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			crlf := bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n"))
			if r.Header.Get("Range") != "" {
				rw.Header().Set("Content-Range", "bytes 0-15/9999")
				rw.WriteHeader(http.StatusPartialContent)
				rw.Write(crlf[:bytes.IndexByte(crlf, '\n')])
				return
			}
			rw.Write(crlf)
		}), 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			url := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				asked++
				tt.host.ServeHTTP(rw, r)
			})) + "/server.list"
			f := &Fetcher{AllowPrivate: true}
			defer f.CloseIdleConnections()
			n, err := f.Head(t.Context(), url, w.want(TypeServerList), w.chain(1))
			if err != nil || !bytes.Equal(n.Text, want) && name != "head beyond the range" {
				t.Errorf("%v", err)
			}
			if asked != tt.asked {
				t.Errorf("%d requests, want %d", asked, tt.asked)
			}
		})
	}

	middle := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Range", "bytes 100-8191/100000")
		rw.WriteHeader(http.StatusPartialContent)
		rw.Write(good[100:8192])
	})
	f := &Fetcher{AllowPrivate: true}
	defer f.CloseIdleConnections()
	if _, err := f.Head(t.Context(), serve(t, middle), w.want(TypeServerList), w.chain(1)); err == nil || !strings.Contains(err.Error(), "instead of the beginning") {
		t.Errorf("another range: %v", err)
	}
}

func TestFetchExtend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addTrust("list-2")
	w.addTrust("list-3")
	whole := func() *site { return w.newSite(nil, nil) }
	without := func(n int) *site {
		s := whole()
		s.put(fmt.Sprintf("/trust/%d.trust", n), nil)
		return s
	}
	crlf := whole()
	crlf.put("/trust/3.trust", bytes.ReplaceAll(w.docs[2], []byte("\n"), []byte("\r\n")))
	swapped := whole()
	swapped.put("/trust/3.trust", w.docs[1])
	huge := whole()
	huge.put("/trust/3.trust", bytes.Repeat([]byte("x"), maxTrustBytes+1))

	for name, tt := range map[string]struct {
		host   http.Handler
		added  int
		detail string // of the error; empty: none
	}{
		"all":              {whole(), 2, ""},
		"gap":              {without(2), 0, ""},
		"not yet":          {without(3), 1, ""},
		"CRLF":             {crlf, 2, ""},
		"HTML for absent":  {status(200), 0, ""},
		"forbidden":        {status(403), 0, ""}, // as object stores say it
		"out of order":     {status(500), 0, "out of order"},
		"another document": {swapped, 1, "document 2 does not follow document 2"},
		"too large":        {huge, 1, "larger than"},
		"nobody there":     {nil, 0, "nothing listens"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &Fetcher{HTTP: &http.Client{Transport: fakeNet{"m.example": tt.host}}}
			c, added, err := f.Extend(t.Context(), "http://m.example/", w.chain(1))
			if added != tt.added || c.Newest().Version != int64(1+tt.added) {
				t.Errorf("added %d, newest is %d; want %d", added, c.Newest().Version, tt.added)
			}
			if (err == nil) != (tt.detail == "") || err != nil && !strings.Contains(err.Error(), tt.detail) {
				t.Errorf("error %v, want ...%s...", err, tt.detail)
			}
		})
	}
}

func TestExtendIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range maxTrustSteps + 3 {
		w.addTrust("list-1")
	}
	f := &Fetcher{HTTP: &http.Client{Transport: fakeNet{"m.example": w.newSite(nil, nil)}}}
	c, added, err := f.Extend(t.Context(), "http://m.example/", w.chain(1))
	if added != maxTrustSteps || err != nil {
		t.Errorf("added %d, %v", added, err)
	}
	if _, added, err := f.Extend(t.Context(), "http://m.example/", c); added != 3 || err != nil {
		t.Errorf("then %d, %v", added, err)
	}
}

func TestDocumentURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ base, document, want string }{
		{"http://m.example/ms/", "server.list", "http://m.example/ms/server.list"},
		{"http://m.example/ms/", "trust/2.trust", "http://m.example/ms/trust/2.trust"},
		{"http://m.example", "server.list", "http://m.example/server.list"},
		{"http://users.isp.example/~someone/server.list", "server.list", "http://users.isp.example/~someone/server.list"},
		{"http://users.isp.example/~someone/my.txt", "server.list", "http://users.isp.example/~someone/my.txt"},
		{"http://users.isp.example/~someone/my.txt", "mirror.list", "http://users.isp.example/~someone/mirror.list"},
		{"https://m.example:8443/get?f=/", "server.list", "https://m.example:8443/get?f=/"},
		{"https://m.example/a/get?f=list", "trust/2.trust", "https://m.example/a/trust/2.trust"},
		{"http://m.example/a%2Fb/", "server.list", "http://m.example/a%2Fb/server.list"},
		{"http://[2001:db8::7]:81/x", "mirror.list", "http://[2001:db8::7]:81/mirror.list"},
		{"ftp://m.example/", "server.list", ""},
		{"http://u:p@m.example/", "server.list", ""},
		{"m.example", "server.list", ""},
		{"", "server.list", ""},
	} {
		got, err := DocumentURL(tt.base, tt.document)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s at %q: %q, %v; want %q", tt.document, tt.base, got, err, tt.want)
		}
	}
}

// A base never leads to another host, nor a name out of the base's folder.
func FuzzDocumentURL(f *testing.F) {
	for _, base := range []string{
		"http://m.example/ms/", "http://m.example", "https://u.example:81/~x/server.list", "http://[2001:db8::7]/a%2Fb/?q=/",
		"http://m.example//evil.example/", "http://m.example/../..//x", "http://m.example/a;b/c?d",
	} {
		f.Add(base)
	}
	f.Fuzz(func(t *testing.T, base string) {
		from, err := parseHTTP(base)
		if err != nil {
			return
		}
		for _, name := range []string{"server.list", "mirror.list", "trust/2.trust"} {
			got, err := DocumentURL(base, name)
			if err != nil {
				t.Fatalf("%q is a mirror's URL, but: %v", base, err)
			}
			to, err := parseHTTP(got)
			if err != nil || to.Scheme != from.Scheme || to.Host != from.Host {
				t.Errorf("%s at %q is at %q (%v)", name, base, got, err)
			}
		}
	})
}

// What a mirror learns of a player is the address, and nothing else.
func TestFetchTellsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.newSite(w.servers("cat2"), nil)
	var headers []http.Header
	url := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		headers = append(headers, r.Header)
		http.SetCookie(rw, &http.Cookie{Name: "player", Value: "1"})
		if r.URL.Path == "/from" {
			http.Redirect(rw, r, "/server.list", http.StatusFound)
			return
		}
		s.ServeHTTP(rw, r)
	}))
	jar := &recordingJar{}
	f := &Fetcher{HTTP: &http.Client{Jar: jar}, AllowPrivate: true}
	defer f.CloseIdleConnections()
	for range 2 {
		if _, err := f.List(t.Context(), url+"/from", w.want(TypeServerList), w.chain(1), nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(headers) != 4 || jar.used {
		t.Errorf("%d requests, cookie jar used: %v", len(headers), jar.used)
	}
	want := http.Header{"User-Agent": {"serverlist/1"}, "Accept": {"*/*"}, "Accept-Encoding": {"gzip"}}
	for _, h := range headers {
		h.Del("Connection") // of the hop after a redirect, which is dialled anew
		if fmt.Sprint(h) != fmt.Sprint(want) {
			t.Errorf("sent %v", h)
		}
	}
}

func TestFetchTimes(t *testing.T) {
	w := newWorld(t)
	doc := w.bigServers(400 << 10)
	tests := map[string]struct {
		host http.Handler
		want error // nil: the list
		at   time.Duration
	}{
		"silent":             {http.HandlerFunc(silent), errHeadTime, 30 * time.Second},
		"head drips":         {dripping(doc, 1, time.Second, 0), errHeadTime, 30 * time.Second},
		"stalls in the head": {dripping(doc, 100, 0, 100), errHeadTime, 30 * time.Second},
		"stalls in the body": {dripping(doc, 20<<10, time.Second, 100<<10), errStall, 14 * time.Second},
		"crawls":             {dripping(doc, 3000, time.Second, 0), errTooSlow, 10 * time.Second},
		"slow but steady":    {dripping(doc, 5000, time.Second, 0), nil, time.Duration((len(doc)+4999)/5000) * time.Second},
		"late but good":      {slowly(29*time.Second, raw(doc)), nil, 29 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				f := &Fetcher{HTTP: &http.Client{Transport: fakeNet{"m.example": tt.host}}}
				_, err := f.List(t.Context(), "http://m.example/", w.want(TypeServerList), w.chain(1), nil)
				if !errors.Is(err, tt.want) || time.Since(begin) != tt.at {
					t.Errorf("%v after %v; want %v after %v", err, time.Since(begin), tt.want, tt.at)
				}
				var fe *FetchError
				if err != nil && (!errors.As(err, &fe) || fe.Outcome != OutcomeFailed || fe.Detail != tt.want.Error()) {
					t.Errorf("told as %v", err)
				}
			})
		})
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		f := &Fetcher{HTTP: &http.Client{Transport: fakeNet{"m.example": http.HandlerFunc(silent)}}}
		ctx, cancel := contextWithCause(t, time.Second, errLost)
		defer cancel()
		if _, err := f.Head(ctx, "http://m.example/", w.want(TypeServerList), w.chain(1)); !errors.Is(err, errLost) {
			t.Error(err)
		}
	})
}

// What cannot be connected to is explained in words of the player's world.
func TestFetchExplainsNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	site := w.newSite(w.servers("cat2"), nil)
	secure := httptest.NewUnstartedServer(site)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	plain := serve(t, site)
	cut := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}))
	closed := httptest.NewServer(site)
	closed.Close()
	for url, want := range map[string]string{
		secure.URL: "TLS certificate does not hold: a wrong clock",
		strings.Replace(plain, "http://", "https://", 1): "HTTP response to HTTPS client",
		cut:        "the connection broke off",
		closed.URL: "connection refused",
	} {
		f := &Fetcher{AllowPrivate: true}
		_, err := f.Head(t.Context(), url+"/server.list", w.want(TypeServerList), w.chain(1))
		f.CloseIdleConnections()
		var fe *FetchError
		if !errors.As(err, &fe) || fe.Outcome != OutcomeFailed || !strings.Contains(fe.Detail, want) {
			t.Errorf("%s: %v, want ...%s...", url, err, want)
		}
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&url.Error{Op: "Get", URL: "u", Err: &net.OpError{Op: "dial", Err: &net.DNSError{Name: "m.example", IsNotFound: true}}}, "the name m.example cannot be resolved: offline"},
		{&url.Error{Op: "Get", URL: "u", Err: &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}}, "no connection in time"},
		{context.DeadlineExceeded, "given up"},
		{context.Canceled, "given up"},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "not TLS"},
		{errors.New("something else"), "something else"},
	} {
		if got := explain("u", tt.err).(*FetchError); !strings.Contains(got.Detail, tt.want) {
			t.Errorf("%v is told as %q", tt.err, got.Detail)
		}
	}
}
