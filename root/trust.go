package root

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/rejoin"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// trust sends all trust documents that are served, in order.
func (s *server) trust(w http.ResponseWriter, _ *http.Request) error {
	out := []api.Trust{}
	for _, t := range s.publisher.Trust() {
		out = append(out, trustOf(t))
	}
	return writeJSON(w, http.StatusOK, out)
}

// publishTrust takes the next trust document, signed elsewhere, and answers
// when it is served together with lists that hold under it.
func (s *server) publishTrust(w http.ResponseWriter, r *http.Request) error {
	document, err := readTrustBody(w, r)
	if err != nil {
		return err
	}
	already := s.inForce(document)
	t, err := s.publisher.PublishTrust(r.Context(), document, adminOf(r))
	if err != nil {
		return s.explainTrust(err)
	}
	out := api.TrustPublished{Trust: trustOf(t), Already: already}
	for _, typ := range []string{serverlist.TypeServerList, serverlist.TypeMirrorList} {
		out.Lists = append(out.Lists, listOf(s.publisher.State(typ)))
	}
	return writeJSON(w, http.StatusOK, out)
}

// inForce tells whether a document is the newest one that is served.
func (s *server) inForce(document []byte) bool {
	data, err := keys.NormalizeLines(document)
	all := s.publisher.Trust()
	return err == nil && len(all) > 0 && bytes.Equal(data, all[len(all)-1].Bytes())
}

func readTrustBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "" {
		return nil, problem(http.StatusUnsupportedMediaType, "The body must not be compressed: leave out Content-Encoding.")
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, datafolder.MaxTrust))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, problem(http.StatusRequestEntityTooLarge, "The body is larger than a trust document can be (%d bytes): is it the right file?", datafolder.MaxTrust)
	}
	return data, readError(err)
}

// explainTrust makes the problem of a trust document that was not published.
func (s *server) explainTrust(err error) error {
	var refused *issue.TrustError
	switch {
	case errors.As(err, &refused) && errors.As(err, new(*keys.Error)):
		return problem(http.StatusUnprocessableEntity, "Nothing was changed: %v.", err)
	case errors.As(err, &refused):
		return problem(http.StatusConflict, "Nothing was changed: %v.", err)
	case errors.Is(err, issue.ErrClock), errors.As(err, new(*rejoin.ForkError)), errors.As(err, new(*rejoin.UnreadError)):
		return problem(http.StatusServiceUnavailable, "Nothing was changed: %v.", err)
	case errors.Is(err, issue.ErrUnfinished): // before the full disk that may be its cause
		s.log.Error("a trust document is in force and could not be written", "err", err)
		return problem(http.StatusServiceUnavailable, "The document is in force: %v.", err)
	case errors.Is(err, store.ErrNoSpace):
		s.log.Error("a trust document could not be stored", "err", err)
		return problem(http.StatusInsufficientStorage, "Nothing was changed: %v.", store.ErrNoSpace)
	}
	return err
}

func trustOf(t *keys.Trust) api.Trust {
	out := api.Trust{
		Version:  t.Version,
		Epoch:    t.Epoch,
		Issued:   t.Issued,
		SHA256:   fmt.Sprintf("%x", t.SHA256()),
		Document: string(t.Bytes()),
	}
	for _, k := range t.Signers() {
		out.Signers = append(out.Signers, k.Name())
	}
	return out
}
