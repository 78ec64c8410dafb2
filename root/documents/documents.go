// Package documents serves what is published, and pages that are made once, from
// memory: whole or in parts, packed for who takes gzip, with 304 for who has it.
// What is asked most is answered before a route is looked for.
package documents

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/issue"
)

// How long others may keep a document. Lists change with every approval, and
// asking again costs a 304. Trust documents never change; that the next one is
// absent may change any moment.
const (
	ListCache   = "public, max-age=60"
	TrustCache  = "public, max-age=31536000, immutable"
	absentCache = "public, max-age=60"
)

// A download may be as slow as SlowestDownload before the connection is given up,
// in bytes per second, after a pause for the first byte. Clients give up at 4096.
const (
	SlowestDownload = 4096
	firstByte       = 30 * time.Second
)

// Published is what is published; an [issue.Publisher] is.
type Published interface {
	// Document returns what is published under a name; nil: nothing is.
	Document(name string) *issue.Document
}

// A Server serves published documents. It is safe for concurrent use.
type Server struct {
	published Published
	refuse    func(http.ResponseWriter, *api.Problem)
}

// New returns a server of what is published. refuse answers a request with a
// problem.
func New(published Published, refuse func(http.ResponseWriter, *api.Problem)) *Server {
	return &Server{published, refuse}
}

// Under serves what is published under the request's path, from memory. No path
// is ever looked up on disk.
func (s *Server) Under(cacheControl string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.EscapedPath(), "/")
		d := s.published.Document(name)
		if d == nil {
			w.Header().Set("Cache-Control", absentCache)
			s.refuse(w, problem(http.StatusNotFound, "There is no document of this name; there are server.list, mirror.list and trust/N.trust."))
			return
		}
		s.serve(w, r, d, cacheControl)
	}
}

func problem(status int, format string, args ...any) *api.Problem {
	return &api.Problem{Status: status, Detail: fmt.Sprintf(format, args...)}
}

// serve answers whatever may be asked of a document. The usual requests have been
// answered before; see [Server.First].
func (s *Server) serve(w http.ResponseWriter, r *http.Request, d *issue.Document, cacheControl string) {
	body, _ := choose(r, d)
	AllowSlow(w, len(body.Bytes))
	h := w.Header()
	h["Content-Type"] = plainText
	h.Set("Cache-Control", cacheControl)
	h["Etag"] = body.ETagValue
	h["Vary"] = variesBy
	out := &documentWriter{ResponseWriter: w, deny: s.refuse, size: len(body.Bytes)}
	if body.Encoding != "" {
		h["Content-Encoding"] = encodedGzip
		out.length = body.Length
	}
	http.ServeContent(out, r, "", d.Issued, bytes.NewReader(body.Bytes))
}

// A documentWriter says how long a whole answer is, which ServeContent does not
// where the answer has an encoding, because others compress behind its back. And
// it makes problems of the refusals of ServeContent, which are plain text or
// nothing.
type documentWriter struct {
	http.ResponseWriter
	deny    func(http.ResponseWriter, *api.Problem)
	size    int
	length  []string // of a whole answer with an encoding; nil: it has none
	refused bool     // what follows is not wanted
}

func (w *documentWriter) WriteHeader(status int) {
	switch status {
	case http.StatusOK:
		if w.length != nil {
			w.Header()["Content-Length"] = w.length
		}
	case http.StatusRequestedRangeNotSatisfiable:
		w.refuse(problem(status, "The document has %d bytes, and the header Range names none of them. Write it as bytes=0-99, or leave it out.", w.size))
		return
	case http.StatusPreconditionFailed:
		w.refuse(problem(status, "The document is not the one that If-Match or If-Unmodified-Since names."))
		return
	default:
		w.Header().Del("Content-Encoding") // there is no body to have one
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *documentWriter) refuse(p *api.Problem) {
	w.refused = true
	for _, name := range []string{"Content-Encoding", "Content-Length", "Etag", "Last-Modified", "Cache-Control"} {
		w.Header().Del(name) // they are those of the document
	}
	w.deny(w.ResponseWriter, p)
}

func (w *documentWriter) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// AllowSlow gives a large answer the time that a slow client needs; size is in
// bytes. A small one has as much as any answer.
func AllowSlow(w http.ResponseWriter, size int) {
	seconds := size / SlowestDownload
	if seconds == 0 {
		return
	}
	enough := firstByte + time.Duration(seconds)*time.Second
	// It fails only where the writer is no connection, as in a test.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(enough))
}
