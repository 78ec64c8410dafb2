package root

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/issue"
)

// How long others may keep a document. Lists change with every approval, and
// asking again costs a 304. Trust documents never change; that the next one is
// absent may change any moment.
const (
	listCache   = "public, max-age=60"
	trustCache  = "public, max-age=31536000, immutable"
	absentCache = "public, max-age=60"
)

// A download may be as slow as this before the connection is given up, in
// bytes per second, after a pause for the first byte. Clients give up at 4096.
const (
	slowestDownload = 4096
	firstByte       = 30 * time.Second
)

// document serves what is published under the request's path, from memory. No
// path is ever looked up on disk.
func (s *server) document(cacheControl string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.EscapedPath(), "/")
		d := s.publisher.Document(name)
		if d == nil {
			w.Header().Set("Cache-Control", absentCache)
			writeProblem(w, problem(http.StatusNotFound, "There is no document of this name; there are server.list, mirror.list and trust/N.trust."))
			return
		}
		serveDocument(w, r, d, cacheControl)
	}
}

// serveDocument answers whatever may be asked of a document. The usual requests
// have been answered before; see documentsFirst.
func serveDocument(w http.ResponseWriter, r *http.Request, d *issue.Document, cacheControl string) {
	body, _ := choose(r, d)
	allowSlow(w, len(body.Bytes))
	h := w.Header()
	h["Content-Type"] = plainText
	h.Set("Cache-Control", cacheControl)
	h["Etag"] = body.ETagValue
	h["Vary"] = variesBy
	if body.Encoding != "" {
		h["Content-Encoding"] = encodedGzip
		w = &sized{w, body.Length}
	}
	http.ServeContent(w, r, "", d.Issued, bytes.NewReader(body.Bytes))
}

// sized says how long a whole answer is. ServeContent does not where the answer
// has an encoding, because others compress behind its back.
type sized struct {
	http.ResponseWriter
	length []string
}

func (w *sized) WriteHeader(status int) {
	if status == http.StatusOK {
		w.Header()["Content-Length"] = w.length
	} else {
		w.Header().Del("Content-Encoding") // there is no body to have one
	}
	w.ResponseWriter.WriteHeader(status)
}

// allowSlow gives a large answer the time that a slow client needs. A small
// one has as much as any answer.
func allowSlow(w http.ResponseWriter, size int) {
	seconds := size / slowestDownload
	if seconds == 0 {
		return
	}
	enough := firstByte + time.Duration(seconds)*time.Second
	// It fails only where the writer is no connection, as in a test.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(enough))
}
