package root

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/signedrequest"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// signedPause is the least time between two changes of an entry that no admin
// looks at: each of them is an edition that every mirror fetches.
const signedPause = time.Minute

// signed takes a request under an entry's own key.
func (s *server) signed(w http.ResponseWriter, r *http.Request) error {
	src := s.proxies.SourceOf(r)
	if _, err := s.admit(src); err != nil {
		return err
	}
	var body api.SignedRequest
	if err := s.decode(w, r, &body); err != nil {
		return err
	}
	req, err := s.openSigned(r, &body, src)
	if err != nil {
		return err
	}
	result, err := s.store.SignedRequest(r.Context(), req)
	if err != nil {
		return ownerProblem(err)
	}
	out := api.SignedResult{EntryID: req.Entry, Done: result.Done, Changed: append([]string{}, result.Changed...)}
	if result.Done {
		s.publisher.Changed()
		return writeJSON(w, http.StatusOK, out)
	}
	out.Request = requestOf(&result.Request, &result.Entry.Server)
	return writeJSON(w, http.StatusAccepted, out)
}

// openSigned verifies a request. Nothing of it is looked at before its
// signature holds.
func (s *server) openSigned(r *http.Request, body *api.SignedRequest, src limit.Source) (store.SignedRequest, error) {
	entry, err := s.store.Entry(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return store.SignedRequest{}, err
	}
	if entry.Server.Key == "" {
		return store.SignedRequest{}, problem(http.StatusForbidden, "Nothing was changed: the entry has no key that could sign for it. Its owner can add one by an edit.")
	}
	public, err := publicKey(entry.Server.Key)
	if err != nil {
		return store.SignedRequest{}, err
	}
	signed, err := signedrequest.Open([]byte(body.Request), public)
	if err == nil {
		err = signed.Check(signedrequest.Want{
			Origin: s.origin, Subject: entry.Server.ID, Content: []byte(body.Content), Now: s.cfg.Now(),
			Actions: []signedrequest.Action{signedrequest.Edit, signedrequest.Withdraw},
		})
	}
	if err != nil {
		return store.SignedRequest{}, refuseSigned(err)
	}
	out := store.SignedRequest{
		Entry: entry.Server.ID, Key: entry.Server.Key, Sequence: signed.Sequence, Kind: store.KindWithdrawal,
		Source: src.Addr, Allowed: s.cfg.SignedChanges, Pause: signedPause,
	}
	if signed.Action == signedrequest.Withdraw {
		return out, nil
	}
	out.Kind = store.KindEdit
	out.Server, err = s.signedContent(body.Content, &entry.Server, src)
	return out, err
}

// signedContent reads what was signed.
func (s *server) signedContent(content string, now *serverlist.Server, src limit.Source) (serverlist.Server, error) {
	var edit api.Edit
	fields, err := decodeObject([]byte(content), &edit)
	if err != nil {
		return serverlist.Server{}, err
	}
	if edit.Email != "" {
		fields = append(fields, api.FieldProblem{Field: "email", Problem: "cannot be changed by a signed request; send the edit to the status URL"})
	}
	server, wrong := s.checkEdit(&edit, now, src)
	if err := (bodyForm{fields: fields}).refuse(wrong...); err != nil {
		return serverlist.Server{}, err
	}
	return server, s.refuseContent(&server, "")
}

func refuseSigned(err error) error {
	status := http.StatusUnprocessableEntity
	if errors.Is(err, signedrequest.ErrSignature) {
		status = http.StatusForbidden
	}
	p := problem(status, "Nothing was changed: %v.", err)
	if status == http.StatusUnprocessableEntity {
		p.Errors = []api.FieldProblem{{Field: "request", Problem: clip(err.Error())}}
	}
	return p
}

// publicKey reads a key as an entry writes it.
func publicKey(key string) (ed25519.PublicKey, error) {
	return base64.StdEncoding.DecodeString(key)
}
