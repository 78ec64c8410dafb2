package webdav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/web"
)

// absent is the ETag of a document that is not there.
const absent = "-"

// errMeanwhile ends a write that would replace what was not looked at.
var errMeanwhile = errors.New("somebody else published to this folder meanwhile, and that stays; run again")

// Read opens a document.
func (s *session) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := publish.CheckName(name); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, web.WholeDocument)
	body, err := s.get(ctx, name)
	if err != nil {
		cancel()
		return nil, err
	}
	return web.Body(body, cancel), nil
}

func (s *session) get(ctx context.Context, name string) (io.ReadCloser, error) {
	resp, err := s.do(ctx, http.MethodGet, name, nil, "Cache-Control", "no-cache")
	if errors.Is(err, fs.ErrNotExist) {
		s.seen[name] = absent
	}
	if err != nil {
		return nil, err
	}
	s.remember(name, resp.Header)
	body, err := io.ReadCloser(nil), web.CheckEnd(resp)
	if resp.StatusCode != http.StatusOK {
		err = &statusError{resp.StatusCode, "it should be 200 where a document is, and 404 where none is"}
	}
	if err == nil {
		body, err = web.RefusePage(resp)
	}
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return body, nil
}

// remember notes the ETag of a document. Apache calls one weak that is younger
// than a second, which says nothing here.
func (s *session) remember(name string, h http.Header) {
	delete(s.seen, name)
	if etag := strings.TrimPrefix(h.Get("ETag"), "W/"); etag != "" {
		s.seen[name] = etag
	}
}

// Write puts a document, if it is still what was read before.
func (s *session) Write(ctx context.Context, name string, data []byte) error {
	if err := publish.CheckName(name); err != nil {
		return err
	}
	err := s.replace(ctx, name, data)
	if err == nil {
		delete(s.seen, name) // its ETag is not known, and need not be asked for
	}
	return err
}

func (s *session) replace(ctx context.Context, name string, data []byte) error {
	if s.direct {
		return s.putDirect(ctx, name, data)
	}
	temp := name + s.suffix
	if err := s.put(ctx, temp, data); err != nil {
		return err
	}
	err := s.move(ctx, temp, name)
	switch statusOf(err) {
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		s.direct = true
		s.remove(ctx, temp)
		return s.putDirect(ctx, name, data)
	case http.StatusPreconditionFailed:
		err = s.settle(ctx, temp, name, data)
	}
	if err != nil {
		s.remove(ctx, temp)
	}
	return err
}

// remove removes a temporary file. If that fails, the next run replaces it.
func (s *session) remove(ctx context.Context, temp string) {
	_, _ = s.run(ctx, http.MethodDelete, temp, nil)
}

// put sends a file, and makes the folders above it where they are missing.
func (s *session) put(ctx context.Context, name string, data []byte, header ...string) error {
	header = append(header, "Content-Type", web.ContentType)
	_, err := s.run(ctx, http.MethodPut, name, data, header...)
	switch statusOf(err) {
	case http.StatusConflict, http.StatusNotFound, http.StatusInternalServerError: // nginx: 500
	default:
		return err
	}
	made, folderErr := s.makeFolder(ctx, path.Dir(s.base.Path+name)+"/")
	if folderErr != nil {
		return folderErr
	}
	if made {
		_, err = s.run(ctx, http.MethodPut, name, data, header...)
	}
	return err
}

// makeFolder makes a folder and those above it, unless it is there. Its path
// ends in "/", without which nginx makes none.
func (s *session) makeFolder(ctx context.Context, folder string) (made bool, err error) {
	_, err = s.run(ctx, "MKCOL", folder, nil)
	above := path.Dir(strings.TrimSuffix(folder, "/"))
	if statusOf(err) == http.StatusConflict && above != "/" {
		if _, err := s.makeFolder(ctx, above+"/"); err != nil {
			return false, err
		}
		_, err = s.run(ctx, "MKCOL", folder, nil)
	}
	if statusOf(err) == http.StatusMethodNotAllowed {
		return false, nil // it is there
	}
	if err != nil {
		return false, fmt.Errorf("making the folder %s: %w", folder, err)
	}
	return true, nil
}

// move puts a file into the place of another, if that is still what was seen.
func (s *session) move(ctx context.Context, temp, name string) error {
	seen := s.seen[name]
	overwrite := "T"
	var conditions []string
	switch {
	case seen == absent && !s.noIf:
		overwrite = "F"
	case seen != "" && seen != absent:
		if err := s.unchanged(ctx, name, seen); err != nil {
			return err
		}
		if !s.noIf {
			conditions = []string{"If", fmt.Sprintf("<%s> ([%s])", s.url(name), seen)}
		}
	}
	header := append(conditions, "Overwrite", overwrite)
	_, err := s.run(ctx, "MOVE", temp, nil, append(header, "Destination", s.url(name))...)
	if status := statusOf(err); status == http.StatusBadGateway || status == http.StatusBadRequest {
		// A host behind a proxy knows itself under another URL.
		_, err = s.run(ctx, "MOVE", temp, nil, append(header, "Destination", (&url.URL{Path: s.base.Path + name}).EscapedPath())...)
	}
	return err
}

// unchanged looks whether a document is still what was seen.
func (s *session) unchanged(ctx context.Context, name, seen string) error {
	h, err := s.run(ctx, http.MethodHead, name, nil, "Cache-Control", "no-cache")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if now := strings.TrimPrefix(h.Get("ETag"), "W/"); now != "" && now != seen {
		return errMeanwhile
	}
	return nil
}

// settle decides what a failed condition means: the document has changed, or is
// ours already, or the server misunderstands.
func (s *session) settle(ctx context.Context, temp, name string, data []byte) error {
	before := s.seen[name]
	r, err := s.Read(ctx, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		ours, err := web.Yields(r, data)
		if err != nil {
			return err
		}
		if ours {
			s.remove(ctx, temp)
			return nil
		}
	}
	if s.noIf || before == "" || s.seen[name] != before {
		return errMeanwhile
	}
	s.noIf = true
	return s.move(ctx, temp, name)
}

// putDirect sends a document under its own name.
func (s *session) putDirect(ctx context.Context, name string, data []byte) error {
	var condition []string
	switch seen := s.seen[name]; seen {
	case "":
	case absent:
		condition = []string{"If-None-Match", "*"}
	default:
		if err := s.unchanged(ctx, name, seen); err != nil {
			return err
		}
		condition = []string{"If-Match", seen}
	}
	err := s.put(ctx, name, data, condition...)
	if statusOf(err) == http.StatusPreconditionFailed {
		return errMeanwhile
	}
	return err
}
