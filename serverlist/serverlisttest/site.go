package serverlisttest

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// A Site is the web server of a root or a mirror. It serves documents as plain
// web servers do, with ETags, ranges and conditional requests, unless it has a
// [Fault]. [Root.Site] makes one that follows a root; the zero Site has only
// what was put on it.
type Site struct {
	root *Root // nil: follows none

	mu      sync.Mutex
	fault   Fault
	folder  map[string][]byte // of a site that does not serve what the root has now; nil: it does
	put     map[string][]byte // by name; nil: absent
	handler http.Handler
	asked   []string
}

// Site returns a site that serves what the root has published at the time of
// each request, with a fault.
func (r *Root) Site(f Fault) *Site {
	s := &Site{root: r}
	s.SetFault(f)
	return s
}

// Start serves the site on loopback, until the test ends or the server is
// closed.
func (s *Site) Start(tb testing.TB) *httptest.Server {
	tb.Helper()
	server := httptest.NewServer(s)
	tb.Cleanup(server.Close)
	return server
}

// SetFault gives the site another fault; [Honest] ends it.
func (s *Site) SetFault(f Fault) {
	var folder map[string][]byte
	switch f {
	case Frozen, NotModified:
		folder = contents(s.root)
	case Stranger:
		folder = contents(s.root.impostor(s.root.origin))
	case WrongOrigin:
		folder = contents(s.root.impostor("impostor.example"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.folder = f, folder
}

// contents returns what a root has published, by name.
func contents(r *Root) map[string][]byte {
	folder := make(map[string][]byte)
	for name, file := range r.Folder() {
		folder[name] = file.Data
	}
	return folder
}

// impostor returns a root of this origin that has other keys.
func (r *Root) impostor(origin string) *Root {
	other := NewRoot(Options{Origin: origin, Seed: r.seed + "impostor", Now: r.Clock.Now()})
	other.Publish(Servers("impostor"))
	other.Publish(Mirrors("http://impostor.example/"))
	return other
}

// Put lets the site serve data under a name ("server.list", "trust/2.trust")
// instead of what the root has published; nil means that nothing is there.
func (s *Site) Put(name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.put == nil {
		s.put = make(map[string][]byte)
	}
	s.put[name] = data
}

// Handle lets a handler answer all requests, for faults that are not listed;
// nil ends that.
func (s *Site) Handle(h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = h
}

// Asked returns the requests so far, each as "server.list", with " [range]"
// behind it if a range was asked for and " (conditional)" if the answer might
// be 304.
func (s *Site) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// ServeHTTP answers a request.
func (s *Site) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	fault, handler := s.note(name, r)
	if handler != nil {
		handler.ServeHTTP(rw, r)
		return
	}
	doc := s.document(name, fault)
	if doc != nil {
		doc = fault.change(doc)
	}
	switch {
	case fault.answer(rw, r, doc):
	case doc == nil:
		http.NotFound(rw, r)
	default:
		rw.Header().Set("ETag", etag(doc))
		http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(doc))
	}
}

func etag(doc []byte) string {
	return fmt.Sprintf(`"%x-%x"`, len(doc), crc32.Checksum(doc, crc32.MakeTable(crc32.Castagnoli)))
}

// note remembers a request.
func (s *Site) note(name string, r *http.Request) (Fault, http.Handler) {
	if r.Header.Get("Range") != "" {
		name += " [range]"
	}
	if r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since") != "" {
		name += " (conditional)"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, name)
	return s.fault, s.handler
}

// document returns what the site has under a name; nil: nothing.
func (s *Site) document(name string, fault Fault) []byte {
	if fault == WrongType {
		name = otherList(name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if doc, ok := s.put[name]; ok {
		return doc
	}
	if s.folder != nil {
		return s.folder[name]
	}
	if s.root == nil {
		return nil
	}
	newest, before := s.root.published(name)
	switch {
	case fault == Old && before != nil:
		return before
	case fault == Mixed && newest != nil && name != otherList(name):
		p := split(newest)
		p.body = split(before).body
		return p.join()
	}
	return newest
}

// published returns the newest document of a name and, of a list, the one
// before it.
func (r *Root) published(name string) (newest, before []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if file := r.folder[name]; file != nil {
		newest = file.Data
	}
	return newest, r.previous[name]
}

// otherList swaps the names of the lists.
func otherList(name string) string {
	switch name {
	case serverlist.NameServerList:
		return nameOf(serverlist.TypeMirrorList)
	case serverlist.NameMirrorList:
		return nameOf(serverlist.TypeServerList)
	}
	return name
}
