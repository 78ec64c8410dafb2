package root

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/serverlist"
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

func serveDocument(w http.ResponseWriter, r *http.Request, d *issue.Document, cacheControl string) {
	allowSlow(w, d)
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", cacheControl)
	h.Set("ETag", d.ETag)
	http.ServeContent(w, r, "", d.Issued, bytes.NewReader(d.Bytes))
}

// allowSlow gives a large document the time that a slow client needs. A small
// one has as much as any answer.
func allowSlow(w http.ResponseWriter, d *issue.Document) {
	seconds := len(d.Bytes) / slowestDownload
	if seconds == 0 {
		return
	}
	enough := firstByte + time.Duration(seconds)*time.Second
	// It fails only where the writer is no connection, as in a test.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(enough))
}

// index says to a person what this is.
func (s *server) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", listCache)
	fmt.Fprintf(w, "Root of the server list %s\n\n", s.origin)
	for _, d := range s.publisher.Documents() {
		fmt.Fprintf(w, "/%-16s version %d, issued %s", d.Name, d.Version, d.Issued.Format(time.RFC3339))
		if d.Type == serverlist.TypeServerList {
			fmt.Fprintf(w, ", %d servers", d.Entries)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "\nPOST /api/v1/registrations asks for a server to be listed.\n")
}
