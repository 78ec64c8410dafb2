package documents

import (
	"net/http"

	"github.com/signed-metaserver/metaserver/root/issue"
)

// Values of headers that never change, so that no request makes them again.
var (
	plainText   = []string{"text/plain; charset=utf-8"}
	noSniff     = []string{"nosniff"}
	bytesOnly   = []string{"bytes"}
	encodedGzip = []string{"gzip"}
	variesBy    = []string{"Accept-Encoding"}
)

// First answers what is asked most, before a route is looked for: the
// whole of a document, and 304 to who has it already. Everything else goes on
// to next, which answers these in the same way, only slower.
func (s *Server) First(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d := s.askedFor(r); d == nil || !serveFast(w, r, d) {
			next.ServeHTTP(w, r)
		}
	})
}

// askedFor returns the document of the request's path, written as it is
// published; nil: it is none, or the request wants something special.
func (s *Server) askedFor(r *http.Request) *issue.Document {
	if r.Method != http.MethodGet || r.URL.RawPath != "" || r.URL.Path == "" {
		return nil
	}
	return s.published.Document(r.URL.Path[1:])
}

// serveFast reports false, and has done nothing, if the request asks for less
// than the whole document or has conditions that need thought.
func serveFast(w http.ResponseWriter, r *http.Request, d *issue.Document) bool {
	body, asked := choose(r, d)
	if asked.more || asked.have != "" && asked.have != body.ETag {
		return false
	}
	h := w.Header()
	h["X-Content-Type-Options"] = noSniff
	h["Cache-Control"] = cacheOf(d)
	h["Etag"] = body.ETagValue
	h["Vary"] = variesBy
	if asked.have != "" {
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	AllowSlow(w, len(body.Bytes))
	h["Content-Type"] = plainText
	h["Accept-Ranges"] = bytesOnly
	h["Last-Modified"] = body.LastModified
	h["Content-Length"] = body.Length
	if body.Encoding != "" {
		h["Content-Encoding"] = encodedGzip
	}
	w.Write(body.Bytes) // in one call; io.Copy would do it in small pieces
	return true
}

var listCaches, trustCaches = []string{ListCache}, []string{TrustCache}

// cacheOf says how long others may keep a document.
func cacheOf(d *issue.Document) []string {
	switch d.Name {
	case issue.ServerListName, issue.MirrorListName:
		return listCaches
	}
	return trustCaches
}
