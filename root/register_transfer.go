package root

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// An entry is handed over in two steps: its owner offers it, and whoever has the
// URL of the offer, and the e-mail address that it names, asks for it. Then an
// admin decides.

// offerTime is how long an offered entry may be taken over.
const offerTime = 7 * 24 * time.Hour

// errNoOffer says more than that there is nothing.
var errNoOffer error = problem(http.StatusNotFound, "There is no such offer, or not any more: one is good once and for a week, and a newer one takes its place. Ask the owner of the entry for another.")

func (s *server) offerTransfer(w http.ResponseWriter, r *http.Request) error {
	_, token, err := s.secretOf(w, r)
	if err != nil {
		return err
	}
	var req api.Offer
	if err := s.decode(w, r, &req); err != nil {
		return err
	}
	out, err := s.offerAs(r.Context(), chi.URLParam(r, "id"), token, req)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// offerAs offers what a token owns; the API and the form both end here.
func (s *server) offerAs(ctx context.Context, id string, token store.Token, req api.Offer) (api.Offered, error) {
	var problems fieldProblems
	if problems.email(req.Email); len(problems) > 0 {
		return api.Offered{}, invalid(problems...)
	}
	secret, expires := store.NewToken(), s.cfg.Now().Add(offerTime).UTC().Truncate(time.Second)
	entry, err := s.store.OfferTransfer(ctx, id, token, store.Offer{Token: secret.Hash(), Email: req.Email, Expires: expires})
	if err != nil {
		return api.Offered{}, ownerProblem(err)
	}
	return api.Offered{EntryID: entry, URL: s.statusURL("transfers", entry, secret), Expires: expires}, nil
}

// handover tells whoever has the URL of an offer what it is about.
func (s *server) handover(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	out, err := s.handoverOf(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// handoverOf is what the API and the page show of an offer.
func (s *server) handoverOf(r *http.Request) (api.Handover, error) {
	token, err := store.ParseToken(chi.URLParam(r, "token"))
	if err != nil {
		return api.Handover{}, errNoOffer
	}
	e, expires, err := s.store.Offered(r.Context(), chi.URLParam(r, "id"), token)
	if errors.Is(err, store.ErrNotFound) {
		err = errNoOffer
	}
	if err != nil {
		return api.Handover{}, err
	}
	return api.Handover{EntryID: e.Server.ID, Name: e.Server.Name, Addresses: e.Server.Addresses, Key: e.Server.Key, Expires: expires}, nil
}

func (s *server) takeOver(w http.ResponseWriter, r *http.Request) error {
	src, offer, err := s.secretOf(w, r)
	if err != nil {
		return err
	}
	var req api.TakeOver
	if err := s.decode(w, r, &req); err != nil {
		return err
	}
	out, err := s.takeOverAs(r.Context(), chi.URLParam(r, "id"), offer, req, src)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, out)
}

// takeOverAs asks for what was offered; the API and the form both end here.
func (s *server) takeOverAs(ctx context.Context, entry string, offer store.Token, req api.TakeOver, src limit.Source) (api.Accepted, error) {
	var problems fieldProblems
	problems.email(req.Email)
	problems.members(&serverlist.Server{Name: "x", Addresses: []string{"example.org:1"}, Key: req.Key})
	if len(problems) > 0 {
		return api.Accepted{}, invalid(problems...)
	}
	if err := s.refuseContent(&serverlist.Server{}, req.Email); err != nil {
		return api.Accepted{}, err
	}
	token := store.NewToken()
	reg, err := s.store.TakeOver(ctx, entry, offer, store.TakeOver{Email: req.Email, Key: req.Key, Source: src.Addr, Token: token.Hash()})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return api.Accepted{}, errNoOffer
	case errors.Is(err, store.ErrOtherEmail):
		return api.Accepted{}, invalid(api.FieldProblem{Field: "email", Problem: "is not the one that the entry was offered to; ask its present owner to offer it to this one"})
	case err != nil:
		return api.Accepted{}, ownerProblem(err)
	}
	return api.Accepted{ID: reg.ID, Status: string(reg.Status), StatusURL: s.statusURL("registrations", reg.ID, token)}, nil
}
