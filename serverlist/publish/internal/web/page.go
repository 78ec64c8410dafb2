package web

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
)

// RefusePage returns the body of an answer, or an error if it is a
// web page: calls itself HTML and begins like it. Hosts answer so with a form
// for the password, and some where nothing is. What the document is behind such
// a page, nobody can tell. A page under another type is what the document has
// become, which verification finds out.
func RefusePage(resp *http.Response) (io.ReadCloser, error) {
	body := bufio.NewReader(resp.Body)
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == "text/html" || kind == "application/xhtml+xml" {
		start, err := body.Peek(64) // err: shorter, or broken; reading tells again
		if start = bytes.TrimLeft(start, "\ufeff \t\r\n"); len(start) > 0 && start[0] == '<' && (err == nil || err == io.EOF) {
			return nil, errors.New("the host answers with a web page instead of a file: a form for the password, a page for what is not there, or the provider's own")
		}
	}
	return struct {
		io.Reader
		io.Closer
	}{body, resp.Body}, nil
}
