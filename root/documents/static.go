package documents

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/signed-metaserver/metaserver/root/issue"
)

// A Static is an answer that is made once and sent often: a page of the list,
// the style sheet, the description of the API. It is never changed.
type Static struct {
	kind          string // Content-Type
	plain, packed []byte // packed is nil where gzip would not make it smaller
	etag          string // of plain
}

// NewStatic makes an answer of a Content-Type. The caller does not change data
// afterwards.
func NewStatic(kind string, data []byte) *Static {
	sum := sha256.Sum256(data)
	a := &Static{kind: kind, plain: data, etag: fmt.Sprintf("%q", fmt.Sprintf("%x", sum[:16]))}
	if packed := issue.Pack(data); len(packed) < len(data) {
		a.packed = packed
	}
	return a
}

// Serve answers a GET or HEAD. Parts are not served: whoever asks for one gets
// all of it, as HTTP allows.
func (a *Static) Serve(w http.ResponseWriter, r *http.Request, cacheControl string) {
	body, etag := a.plain, a.etag
	h := w.Header()
	if a.packed != nil && asksFor(r).gzip {
		body, etag = a.packed, issue.PackedETag(a.etag)
	}
	h.Set("Cache-Control", cacheControl)
	h.Set("ETag", etag)
	h.Set("Vary", "Accept-Encoding")
	if holds(r, etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if len(body) != len(a.plain) {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

// holds tells whether the client has said that it holds this.
func holds(r *http.Request, etag string) bool {
	for _, line := range r.Header.Values("If-None-Match") {
		for tag := range strings.SplitSeq(line, ",") {
			if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}
