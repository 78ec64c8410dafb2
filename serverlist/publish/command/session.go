package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/web"
)

// maxDocument is more than any document has, in bytes: head and signatures come
// before the body. Of what is longer a host cannot hold the document, and only
// the beginning is looked at.
const maxDocument = serverlist.MaxServerListBody + 1<<20

type session struct {
	target Target
	work   string // holds the folders
	held   folder // what the host holds, as far as it was read
	staged folder // what Push gets

	client    *http.Client // of PublicURL
	transport *http.Transport

	changes map[string][]byte
	ctx     context.Context // of the last Write, to which Push belongs
	closed  bool
}

// pull fills the folder of what the host holds.
func (s *session) pull(ctx context.Context) error {
	if err := run(ctx, s.target.Timeout, s.target.Pull, string(s.held)); err != nil {
		return fmt.Errorf("pull, which reads what the host holds: %w", err)
	}
	return nil
}

// Read opens a document as the host holds it.
func (s *session) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := publish.CheckName(name); err != nil {
		return nil, err
	}
	if s.client != nil {
		if err := s.fetch(ctx, name); err != nil {
			return nil, err
		}
	}
	return s.held.open(name)
}

// fetch brings a document from the public URL into the folder of what the host
// holds.
func (s *session) fetch(ctx context.Context, name string) error {
	url, err := serverlist.DocumentURL(s.target.PublicURL, name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, web.WholeDocument)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Pragma", "no-cache")
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", url, web.Explain(web.WithoutURL(err)))
	}
	defer resp.Body.Close()
	data, err := readAnswer(resp)
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	return s.held.write(name, data)
}

// readAnswer takes the host's word for a document that is absent, and for
// nothing else.
func readAnswer(resp *http.Response) ([]byte, error) {
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, fs.ErrNotExist
	default:
		return nil, fmt.Errorf("the host answers HTTP %d; where a document is absent it should be 404", resp.StatusCode)
	}
	if err := web.CheckEnd(resp); err != nil {
		return nil, err
	}
	body, err := web.RefusePage(resp)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(body, maxDocument))
	return data, web.Explain(err)
}

// Write keeps the document for Close.
func (s *session) Write(ctx context.Context, name string, data []byte) error {
	if err := publish.CheckName(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.changes[name], s.ctx = bytes.Clone(data), ctx
	return nil
}

// Close runs Push if something was written, in the context of the last Write.
// An error tells which documents the host may lack.
func (s *session) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if len(s.changes) > 0 {
		err = s.publish()
	}
	if s.transport != nil {
		s.transport.CloseIdleConnections()
	}
	return errors.Join(err, os.RemoveAll(s.work))
}

// publish runs Push for each stage, on all that the host holds and what is new
// up to that stage.
func (s *session) publish() error {
	if err := s.staged.copyFrom(s.held); err != nil {
		return err
	}
	for _, names := range s.stages() {
		for _, name := range names {
			if err := s.staged.write(name, s.changes[name]); err != nil {
				return err
			}
		}
		if err := run(s.ctx, s.target.Timeout, s.target.Push, string(s.staged)); err != nil {
			return fmt.Errorf("push, with a new %s: %w", strings.Join(names, ", "), err)
		}
	}
	return nil
}

// stages returns the changed documents by the run of Push that brings them.
func (s *session) stages() [][]string {
	all := slices.SortedFunc(maps.Keys(s.changes), func(a, b string) int { return rank(a) - rank(b) })
	if s.target.Atomic {
		return [][]string{all}
	}
	var stages [][]string
	for i, name := range all {
		if i == 0 || rank(name) != rank(all[i-1]) {
			stages = append(stages, nil)
		}
		stages[len(stages)-1] = append(stages[len(stages)-1], name)
	}
	return stages
}

// rank is the place of a document in the order of publication.
func rank(name string) int {
	switch name {
	case publish.ServerList:
		return 2
	case publish.MirrorList:
		return 1
	}
	return 0
}
