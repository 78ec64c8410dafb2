package root

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/signedrequest"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// What owners do with their requests and entries. The secret part of a URL is
// what allows it; see [store.OwnerStore].

// keptEmail stands in an edit that keeps its e-mail address, which was checked
// when it came.
const keptEmail = "kept@example.org"

// secretOf returns the token of a secret URL, after the source has used one of
// the requests that it may send.
func (s *server) secretOf(w http.ResponseWriter, r *http.Request) (limit.Source, store.Token, error) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	src := s.proxies.SourceOf(r)
	if _, err := s.admit(src); err != nil {
		return src, store.Token{}, err
	}
	token, err := store.ParseToken(chi.URLParam(r, "token"))
	if err != nil {
		return src, store.Token{}, store.ErrNotFound
	}
	return src, token, nil
}

func (s *server) edit(w http.ResponseWriter, r *http.Request) error {
	src, token, err := s.secretOf(w, r)
	if err != nil {
		return err
	}
	var req api.Edit
	form, err := s.bodies.decode(w, r, &req)
	if err != nil {
		return err
	}
	out, err := s.editAs(r.Context(), chi.URLParam(r, "id"), token, &req, form, src)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, out)
}

// editAs changes what a token owns; the API and the form both end here.
func (s *server) editAs(ctx context.Context, id string, token store.Token, req *api.Edit, form bodyForm, src limit.Source) (*api.Request, error) {
	held, err := s.store.Holding(ctx, id, token)
	if err != nil {
		return nil, err
	}
	now := &held.Server
	if held.Listed != nil {
		now = &held.Listed.Server
	}
	entry, wrong := s.checkEdit(req, now, src)
	if err := form.refuse(wrong...); err != nil {
		return nil, err
	}
	if err := s.refuseContent(&entry, req.Email); err != nil {
		return nil, err
	}
	reg, err := s.store.Edit(ctx, id, token, store.Edit{Server: entry, Email: req.Email, Source: src.Addr})
	if err != nil {
		return nil, ownerProblem(err)
	}
	return requestOf(&reg, now), nil
}

// checkEdit makes an entry of an edit and names every member that is wrong. A
// game that the root no longer takes may stay.
func (s *server) checkEdit(req *api.Edit, now *serverlist.Server, src limit.Source) (serverlist.Server, []api.FieldProblem) {
	full := api.RegistrationRequest(*req)
	if full.Email == "" {
		full.Email = keptEmail
	}
	entry, wrong := checkRequest(&full, src.Local || s.cfg.AllowPrivate)
	if full.Game != now.Game {
		wrong = append(wrong, s.cfg.Games.Refuse(full.Game)...)
	}
	return entry, wrong
}

func (s *server) withdraw(w http.ResponseWriter, r *http.Request) error {
	src, token, err := s.secretOf(w, r)
	if err != nil {
		return err
	}
	out, err := s.withdrawAs(r.Context(), chi.URLParam(r, "id"), token, src)
	if err != nil {
		return err
	}
	status := http.StatusAccepted
	if out.Status == string(store.Withdrawn) {
		status = http.StatusOK
	}
	return writeJSON(w, status, out)
}

// withdrawAs takes back what a token owns; the API and the form both end here.
func (s *server) withdrawAs(ctx context.Context, id string, token store.Token, src limit.Source) (*api.Request, error) {
	reg, err := s.store.Withdraw(ctx, id, token, src.Addr)
	if err != nil {
		return nil, ownerProblem(err)
	}
	return requestOf(&reg, &reg.Server), nil
}

// ownerProblem says what the errors about owners mean.
func ownerProblem(err error) error {
	var same *store.SameServerError
	var replay *store.ReplayError
	var soon *store.TooSoonError
	switch {
	case errors.Is(err, store.ErrNotOwner):
		return problem(http.StatusForbidden, "Nothing was changed: this is not the owner's URL or key. The first request for a server gets the owner's URL; after a transfer, the new owner's counts. An admin can help who has lost it.")
	case errors.Is(err, store.ErrNoChange):
		return problem(http.StatusConflict, "Nothing was changed: this is what is listed already, and nothing else was asked for.")
	case errors.As(err, &same), errors.As(err, &replay):
		return problem(http.StatusConflict, "Nothing was changed: %v.", err)
	case errors.As(err, &soon):
		p := problem(http.StatusTooManyRequests, "Nothing was changed: %v.", err)
		p.RetryAfter = soon.RetryAfter
		return p
	}
	return err
}

func (s *server) allow(w http.ResponseWriter, r *http.Request) error {
	var req api.Allowed
	if err := s.decode(w, r, &req); err != nil {
		return err
	}
	members := append([]string{}, req.Members...)
	if req.Default {
		members = nil
	}
	switch err := signedrequest.CheckAllowed(members); {
	case err != nil:
		return invalid(api.FieldProblem{Field: "members", Problem: err.Error()})
	case req.Default && len(req.Members) > 0:
		return invalid(api.FieldProblem{Field: "default", Problem: "stands beside members; send one of them"})
	case req.EntryID != "" && req.EntryID != chi.URLParam(r, "id"):
		return invalid(api.FieldProblem{Field: "entry_id", Problem: "is not the one of the URL"})
	}
	id := chi.URLParam(r, "id")
	if err := s.store.Allow(r.Context(), id, members, adminOf(r)); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Allowed{EntryID: id, Members: members, Default: req.Default})
}
