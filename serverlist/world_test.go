package serverlist

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// A world is an origin with its keys and what it has signed.
type world struct {
	tb     testing.TB
	origin string
	now    time.Time // when the next document is issued
	trust  []*keys.Trust
	docs   [][]byte // trust/1.trust ...
}

const testOrigin = "ms.example.org"

// newWorld has one trust document: one admin, one list key for both lists.
func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{tb: tb, origin: testOrigin, now: time.Date(2026, 11, 3, 11, 42, 0, 0, time.UTC)}
	w.addTrust("list-1")
	return w
}

// signer makes the key of a name; the same name gives the same key.
func (w *world) signer(name string) *keys.Signer {
	w.tb.Helper()
	seed := sha256.Sum256([]byte(name))
	s, err := keys.NewSigner(w.origin+"/"+name, ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		w.tb.Fatal(err)
	}
	return s
}

// addTrust publishes the next trust document with this list key and revokes
// the keys named after it.
func (w *world) addTrust(listKey string, revoked ...string) {
	w.tb.Helper()
	t := &keys.Trust{
		Origin: w.origin, Version: int64(len(w.docs) + 1), Epoch: 1, Issued: w.now, ReviewBy: w.now.AddDate(1, 0, 0),
		Keys: []keys.VerifierKey{w.signer("admin").VerifierKey(), w.signer(listKey).VerifierKey()},
		Roles: []keys.Role{
			{Name: "trust", Threshold: 1, Keys: []string{w.origin + "/admin"}},
			{Name: "mirrors", Threshold: 1, Keys: []string{w.origin + "/" + listKey}},
			{Name: "list", Threshold: 1, Keys: []string{w.origin + "/" + listKey}},
		},
	}
	if n := len(w.trust); n > 0 {
		t.Epoch, t.Revoked = w.trust[n-1].Epoch, w.trust[n-1].Revoked
	}
	for _, name := range revoked {
		t.Epoch++
		t.Revoked = append(t.Revoked, keys.Revocation{Key: w.signer(name).VerifierKey(), Since: w.now, Word: "compromised"})
	}
	text, err := t.Encode()
	if err != nil {
		w.tb.Fatal(err)
	}
	doc, err := keys.Sign(text, w.signer("admin"))
	if err != nil {
		w.tb.Fatal(err)
	}
	w.trust, w.docs = append(w.trust, t), append(w.docs, doc)
}

// chain is the chain of the first n trust documents.
func (w *world) chain(n int) *keys.Chain {
	w.tb.Helper()
	c, err := keys.NewChain(w.docs[0])
	for _, d := range w.docs[1:n] {
		if err == nil {
			c, err = c.Extend(d)
		}
	}
	if err != nil {
		w.tb.Fatal(err)
	}
	return c
}

// listKey is the list key of the newest trust document.
func (w *world) listKey() *keys.Signer {
	newest := w.trust[len(w.trust)-1]
	return w.signer(strings.TrimPrefix(newest.Roles[2].Keys[0], w.origin+"/"))
}

func (w *world) sign(typ string, body []byte, change func(*Draft)) []byte {
	w.tb.Helper()
	newest := w.trust[len(w.trust)-1]
	d := &Draft{
		Origin: w.origin, Type: typ, Version: w.now.Unix(), Epoch: newest.Epoch, Issued: w.now,
		FreshUntil: w.now.Add(24 * time.Hour), OldAfter: w.now.AddDate(0, 0, 30), Trust: newest.Version, Body: body,
	}
	if change != nil {
		change(d)
	}
	doc, err := d.Sign(w.listKey())
	if err != nil {
		w.tb.Fatal(err)
	}
	return doc
}

// servers signs a server list of these names, issued now.
func (w *world) servers(names ...string) []byte {
	w.tb.Helper()
	var entries []Server
	for _, n := range names {
		entries = append(entries, Server{ID: n, Name: "Server " + n, Addresses: []string{n + ".example.net:13327"}})
	}
	body, err := EncodeServers(entries)
	if err != nil {
		w.tb.Fatal(err)
	}
	return w.sign(TypeServerList, body, nil)
}

// bigServers signs a server list with a body of about size bytes.
func (w *world) bigServers(size int) []byte {
	w.tb.Helper()
	var entries []Server
	for n := range size / 330 {
		entries = append(entries, Server{
			ID: fmt.Sprintf("server-%06d", n), Name: fmt.Sprintf("Server %d", n),
			Description: fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, n))) + strings.Repeat(" quests and cats", 10),
			Addresses:   []string{fmt.Sprintf("s%d.example.net:13327", n)},
		})
	}
	body, err := EncodeServers(entries)
	if err != nil {
		w.tb.Fatal(err)
	}
	return w.sign(TypeServerList, body, nil)
}

// mirrors signs a mirror list of these entries, each "id url", issued now.
// The id is the operator too; the id "root" marks the root.
func (w *world) mirrors(entries ...string) []byte {
	w.tb.Helper()
	var list []Mirror
	for _, e := range entries {
		id, url, _ := strings.Cut(e, " ")
		list = append(list, Mirror{ID: id, Operator: id, URLs: []string{url}, Root: id == "root"})
	}
	body, err := EncodeMirrors(list)
	if err != nil {
		w.tb.Fatal(err)
	}
	return w.sign(TypeMirrorList, body, nil)
}

func (w *world) want(typ string) Want { return Want{Origin: w.origin, Type: typ} }

// open verifies a live server list under all trust documents.
func (w *world) open(doc []byte) *List {
	w.tb.Helper()
	l, err := Open(doc, w.want(TypeServerList), w.chain(len(w.docs)))
	if err != nil {
		w.tb.Fatal(err)
	}
	return l
}

// A site serves documents by path as a plain web server does: with ETag,
// Last-Modified, ranges and conditional requests. It remembers what was asked.
type site struct {
	mu   sync.Mutex
	docs map[string][]byte
	log  []*http.Request
}

// newSite serves what a root or mirror publishes at its top; nil documents are
// absent.
func (w *world) newSite(servers, mirrors []byte) *site {
	s := &site{docs: map[string][]byte{"/server.list": servers, "/mirror.list": mirrors}}
	for i, d := range w.docs {
		s.docs[fmt.Sprintf("/trust/%d.trust", i+1)] = d
	}
	return s
}

func (s *site) put(path string, doc []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.docs[path] = doc
}

// asked returns what was asked so far, one "path" or "path [range]" or
// "path (conditional)" each.
func (s *site) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, r := range s.log {
		line := r.URL.Path
		if r.Header.Get("Range") != "" {
			line += " [range]"
		}
		if r.Header.Get("If-None-Match") != "" {
			line += " (conditional)"
		}
		out = append(out, line)
	}
	return out
}

func (s *site) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.log = append(s.log, r)
	doc := s.docs[r.URL.Path]
	s.mu.Unlock()
	if doc == nil {
		http.NotFound(rw, r)
		return
	}
	rw.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(doc)))
	http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(doc))
}

// Faults of hosts.

// silent accepts a request and never answers.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// slowly lets a handler answer after a pause.
func slowly(pause time.Duration, h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(pause):
			h.ServeHTTP(rw, r)
		case <-r.Context().Done():
		}
	})
}

// dripping sends a document in pieces with pauses, and stops after the given
// number of bytes without ending; at 0 it sends all.
func dripping(doc []byte, piece int, pause time.Duration, stop int) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if stop == 0 {
			stop = len(doc)
		}
		for at := 0; at < stop; at += piece {
			rw.Write(doc[at:min(at+piece, stop)])
			rw.(http.Flusher).Flush()
			select {
			case <-time.After(pause):
			case <-r.Context().Done():
				return
			}
		}
		if stop < len(doc) {
			<-r.Context().Done()
		}
	})
}

// raw answers everything with these bytes.
func raw(doc []byte) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(doc) })
}

// status answers everything with a status and an HTML page.
func status(code int) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		rw.WriteHeader(code)
		io.WriteString(rw, "<!DOCTYPE html><title>error</title>")
	})
}

func gzipped(doc []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(doc)
	z.Close()
	return b.Bytes()
}

// A fakeNet answers requests by host without sockets, so that it works in a
// synctest bubble. A host that is not there refuses connections.
type fakeNet map[string]http.Handler

func (n fakeNet) RoundTrip(req *http.Request) (*http.Response, error) {
	h := n[req.URL.Host]
	if h == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	ctx, cancel := context.WithCancel(req.Context())
	pr, pw := io.Pipe()
	rw := &pipeWriter{header: make(http.Header), body: pw, ready: make(chan int, 1)}
	go func() {
		h.ServeHTTP(rw, req.Clone(ctx))
		rw.WriteHeader(http.StatusOK)
		pw.CloseWithError(ctx.Err()) // nil: EOF
	}()
	stop := context.AfterFunc(ctx, func() { pr.CloseWithError(ctx.Err()) })
	select {
	case code := <-rw.ready:
		return &http.Response{
			StatusCode: code, Status: http.StatusText(code), Header: rw.header.Clone(), Request: req,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
			Body: pipeBody{pr, func() { stop(); cancel() }},
		}, nil
	case <-ctx.Done():
		err := ctx.Err()
		cancel()
		return nil, err
	}
}

type pipeBody struct {
	*io.PipeReader
	end func()
}

func (b pipeBody) Close() error {
	b.end()
	return b.PipeReader.Close()
}

type pipeWriter struct {
	header http.Header
	body   io.Writer
	ready  chan int
	once   sync.Once
}

func (w *pipeWriter) Header() http.Header { return w.header }
func (w *pipeWriter) Flush()              {}
func (w *pipeWriter) WriteHeader(code int) {
	w.once.Do(func() { w.ready <- code })
}
func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// serve starts a real server on loopback.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func contextWithCause(t *testing.T, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(t.Context(), d, cause)
}

// longHead is a list whose head text has this many bytes more than usual and
// whose signatures are as long as they may be, most of them by strangers.
func (w *world) longHead(more int) []byte {
	w.tb.Helper()
	newest := w.trust[len(w.trust)-1]
	body := []byte{}
	d := &Draft{
		Origin: w.origin, Type: TypeServerList, Version: w.now.Unix(), Epoch: newest.Epoch, Issued: w.now,
		FreshUntil: w.now, OldAfter: w.now, Trust: 1, Body: body,
	}
	text, err := d.Text()
	if err != nil {
		w.tb.Fatal(err)
	}
	text = append(text, "x-padding "+strings.Repeat("x", more)+"\n"...)
	signers := []*keys.Signer{w.listKey()}
	for i := range 15 {
		signers = append(signers, w.signer(fmt.Sprintf("stranger-%d-%s", i, strings.Repeat("x", 80))))
	}
	note, err := keys.Sign(text, signers...)
	if err != nil {
		w.tb.Fatal(err)
	}
	return append(append(note, '\n'), body...)
}
