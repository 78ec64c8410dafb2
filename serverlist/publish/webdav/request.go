package webdav

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/web"
)

// A statusError is an answer other than the one hoped for.
type statusError struct {
	status int
	advice string
}

func (e *statusError) Error() string {
	text := http.StatusText(e.status)
	if text == "" {
		text = "unknown status"
	}
	if e.advice == "" {
		return fmt.Sprintf("the host answers %d (%s)", e.status, text)
	}
	return fmt.Sprintf("the host answers %d (%s): %s", e.status, text, e.advice)
}

// Is makes an absent document what callers of Read expect.
func (e *statusError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.status == http.StatusNotFound || e.status == http.StatusGone)
}

func statusOf(err error) int {
	var se *statusError
	if errors.As(err, &se) {
		return se.status
	}
	return 0
}

// do sends a request and returns an answer of status 2xx, whose body the caller
// closes.
func (s *session) do(ctx context.Context, method, path string, body []byte, header ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url(path), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if s.user != "" {
		req.SetBasicAuth(s.user, s.password)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, web.Explain(web.WithoutURL(err))
	}
	if resp.StatusCode/100 == 2 && resp.StatusCode != http.StatusMultiStatus {
		return resp, nil
	}
	drain(resp)
	return nil, &statusError{resp.StatusCode, s.advice(resp)}
}

// run is do where the answer's body says nothing.
func (s *session) run(ctx context.Context, method, path string, body []byte, header ...string) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, web.WholeDocument)
	defer cancel()
	resp, err := s.do(ctx, method, path, body, header...)
	if err != nil {
		return nil, err
	}
	drain(resp)
	return resp.Header, nil
}

// drain reads a little, so that the connection can be used again.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}

// url returns the URL of a path below the folder; "" is the folder, and one
// that begins with "/" is a path of the host.
func (s *session) url(path string) string {
	u := *s.base
	u.RawPath = ""
	if strings.HasPrefix(path, "/") {
		u.Path = path
	} else {
		u.Path += path
	}
	return u.String()
}

// advice says what an answer means.
func (s *session) advice(resp *http.Response) string {
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		if schemes := strings.ToLower(strings.Join(resp.Header.Values("WWW-Authenticate"), " ")); schemes != "" && !strings.Contains(schemes, "basic") {
			return "the host does not take Basic authentication, the only kind known here; let it do so over https"
		}
		if s.user == "" {
			return "the host wants a user and a password"
		}
		return "the user or the password is wrong"
	case http.StatusForbidden:
		return "the user may not do this, or the folder belongs to another user than that of the web server"
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return "there is no WebDAV folder at this URL, or it is read-only"
	case http.StatusNotFound:
		if resp.Request.Method != http.MethodGet {
			return "nobody keeps files at this URL; is it the one that the host gives for WebDAV?"
		}
	case http.StatusConflict:
		return "the folder above is missing and cannot be made"
	case http.StatusRequestEntityTooLarge:
		return "the host limits the size of files (client_max_body_size of nginx, LimitRequestBody of Apache)"
	case http.StatusLocked:
		return "another program has locked the file; run again later"
	case http.StatusInsufficientStorage:
		return "the disk is full or the quota is used up; what was published before is untouched"
	case http.StatusBadGateway:
		return "a proxy in front of the host is in trouble, or hides from it under which URL it is reached"
	}
	switch {
	case resp.StatusCode/100 == 3:
		return redirectAdvice(resp)
	case resp.StatusCode >= 500:
		return "the host has a fault of its own, is full, or may not write there; what was published before is untouched"
	}
	return ""
}

// redirectAdvice names where a redirect leads, without what may be secret in it.
func redirectAdvice(resp *http.Response) string {
	u, err := resp.Location()
	if err != nil {
		return "a redirect to nowhere"
	}
	return fmt.Sprintf("it sends us to %s; if that is right, make it the URL (passwords are not sent on)", web.OneLine(u.Scheme+"://"+u.Host+u.EscapedPath()))
}
