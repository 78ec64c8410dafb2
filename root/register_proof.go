package root

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/proof"
	"github.com/signed-metaserver/metaserver/root/signedrequest"
	"github.com/signed-metaserver/metaserver/root/store"
)

// How often a source may make the root look at other hosts, and how many looks
// there are at once: each of them is a connection to where a stranger says.
const (
	proofBurst = 5
	proofEvery = 20 * time.Second
	proofSeats = 8
)

// A prover checks proofs of control.
type prover struct {
	checker *proof.Checker
	sources *limit.Rate
	seats   chan struct{} // holds one element for every check under way
}

func newProver(cfg *config.Config) *prover {
	return &prover{
		checker: newProofChecker(cfg, "", ""),
		sources: limit.NewRate(proofEvery, proofBurst),
		seats:   make(chan struct{}, proofSeats),
	}
}

// newProofChecker looks for files of proof at these ports; "": at 80 and 443.
func newProofChecker(cfg *config.Config, http, https string) *proof.Checker {
	return proof.NewChecker(proof.Config{
		Resolver: proof.NewResolver(cfg.Resolver), AllowPrivate: cfg.AllowPrivate, HTTPPort: http, HTTPSPort: https,
	})
}

// proofOf says how control can be shown, and what was. What was proven of other
// addresses is void.
func (s *server) proofOf(ctx context.Context, r *store.Registration) (*api.Proof, error) {
	token := proof.Token(s.origin, r)
	out := &api.Proof{Token: token, Record: proof.Prefix + token, Places: []api.ProofPlace{}, Key: r.Server.Key, Proven: []api.Proven{}}
	for _, host := range proof.Hosts(r.Server.Addresses) {
		out.Places = append(out.Places, api.ProofPlace{Host: host, TXT: proof.RecordName(host), URL: proof.FileURL(host)})
	}
	out.Ports = append([]string{}, proof.Ports(r.Server.Addresses)...)
	all, err := s.store.Proofs(ctx, r.ID)
	for _, p := range all {
		if p.Token == token && (p.Kind != proof.Key || p.Subject == r.Server.Key) {
			out.Proven = append(out.Proven, api.Proven{Kind: p.Kind, Subject: p.Subject, At: p.At})
		}
	}
	return out, err
}

// checkOwnProof looks for the token because the requester has put it there.
func (s *server) checkOwnProof(w http.ResponseWriter, r *http.Request) error {
	src, token, err := s.secretOf(w, r)
	if err != nil {
		return err
	}
	out, err := s.checkOwn(r.Context(), chi.URLParam(r, "id"), token, src)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// checkOwn looks for what a token's owner shows; the API and the status page
// both end here.
func (s *server) checkOwn(ctx context.Context, id string, token store.Token, src limit.Source) (api.ProofChecked, error) {
	reg, err := s.provable(ctx, id, token)
	if err != nil {
		return api.ProofChecked{}, err
	}
	if !src.Local || s.cfg.LimitLoopback {
		if wait := s.prover.sources.Wait(src.Block(), s.cfg.Now()); wait > 0 {
			return api.ProofChecked{}, tooFast(wait)
		}
	}
	return s.checkProof(ctx, reg)
}

// provable returns the pending registration that proofs of this owner are
// about: their own, or the edit of their entry.
func (s *server) provable(ctx context.Context, id string, token store.Token) (*store.Registration, error) {
	h, err := s.store.Holding(ctx, id, token)
	switch {
	case err != nil:
		return nil, err
	case !h.Owner:
		return nil, ownerProblem(store.ErrNotOwner)
	case h.Status == store.Pending:
		return &h.Registration, nil
	case h.Open != nil && h.Open.Kind == store.KindEdit:
		return h.Open, nil
	}
	return nil, problem(http.StatusConflict, "There is nothing to prove: no request of yours waits for an admin.")
}

// proveByAdmin looks again before an admin decides.
func (s *server) proveByAdmin(w http.ResponseWriter, r *http.Request) error {
	review, err := s.store.Review(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	out, err := s.checkProof(r.Context(), &review.Registration)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// checkProof looks at all places and stores what it has found.
func (s *server) checkProof(ctx context.Context, reg *store.Registration) (api.ProofChecked, error) {
	select {
	case s.prover.seats <- struct{}{}:
		defer func() { <-s.prover.seats }()
	default:
		p := problem(http.StatusServiceUnavailable, "The root is looking at other hosts; try again in a moment.")
		p.RetryAfter = proof.Timeout
		return api.ProofChecked{}, p
	}
	missing, err := s.lookForToken(ctx, reg)
	if err != nil {
		return api.ProofChecked{}, err
	}
	return s.proofChecked(ctx, reg, missing)
}

func (s *server) proofChecked(ctx context.Context, reg *store.Registration, missing []api.ProofFailed) (api.ProofChecked, error) {
	now, err := s.proofOf(ctx, reg)
	if err != nil {
		return api.ProofChecked{}, err
	}
	return api.ProofChecked{Proof: *now, Missing: missing}, nil
}

// lookForToken asks every host in both ways, and every port, all at once.
func (s *server) lookForToken(ctx context.Context, reg *store.Registration) ([]api.ProofFailed, error) {
	type look struct {
		kind, subject string
		check         func(context.Context, string, string) error
		err           error
	}
	var looks []*look
	for _, host := range proof.Hosts(reg.Server.Addresses) {
		if proof.RecordName(host) != "" {
			looks = append(looks, &look{proof.DNS, host, s.prover.checker.CheckDNS, nil})
		}
		looks = append(looks, &look{proof.HTTP, host, s.prover.checker.CheckHTTP, nil})
	}
	for _, address := range proof.Ports(reg.Server.Addresses) {
		looks = append(looks, &look{proof.Port, address, s.prover.checker.CheckPort, nil})
	}
	token := proof.Token(s.origin, reg)
	var g errgroup.Group
	for _, l := range looks {
		g.Go(func() error { l.err = l.check(ctx, l.subject, token); return nil })
	}
	g.Wait()
	missing := []api.ProofFailed{}
	for _, l := range looks {
		if l.err != nil {
			missing = append(missing, api.ProofFailed{Kind: l.kind, Subject: l.subject, Problem: l.err.Error()})
			continue
		}
		if err := s.store.PutProof(ctx, reg.ID, store.Proof{Kind: l.kind, Subject: l.subject, Token: token, At: s.cfg.Now()}); err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// proveKey takes the token under the key that the registration names.
func (s *server) proveKey(w http.ResponseWriter, r *http.Request) error {
	_, token, err := s.secretOf(w, r)
	if err != nil {
		return err
	}
	var body api.KeyProof
	if err := s.decode(w, r, &body); err != nil {
		return err
	}
	reg, err := s.provable(r.Context(), chi.URLParam(r, "id"), token)
	if err != nil {
		return err
	}
	if err := s.checkKeyProof(&body, reg); err != nil {
		return err
	}
	err = s.store.PutProof(r.Context(), reg.ID, store.Proof{Kind: proof.Key, Subject: reg.Server.Key, Token: proof.Token(s.origin, reg), At: s.cfg.Now()})
	if err != nil {
		return err
	}
	out, err := s.proofChecked(r.Context(), reg, []api.ProofFailed{})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *server) checkKeyProof(body *api.KeyProof, reg *store.Registration) error {
	if reg.Server.Key == "" {
		return problem(http.StatusConflict, "The request names no key: edit it first, and give it the server's public key.")
	}
	public, err := publicKey(reg.Server.Key)
	if err != nil {
		return err
	}
	signed, err := signedrequest.Open([]byte(body.Request), public)
	if err == nil {
		err = signed.Check(signedrequest.Want{
			Origin: s.origin, Subject: reg.ID, Content: []byte(proof.Token(s.origin, reg)), Now: s.cfg.Now(),
			Actions: []signedrequest.Action{signedrequest.Prove},
		})
	}
	if err != nil {
		return refuseSigned(err)
	}
	return nil
}

// listed is a registration as the list of them shows it: what is looked up for
// each is only what few of them have.
func (s *server) listed(ctx context.Context, r store.Review) api.Registration {
	out := reviewOf(r)
	out.Block = s.blockOf(&r)
	if r.Entry == "" {
		return out
	}
	if err := s.addOwner(ctx, &out, &r.Registration); err != nil {
		s.log.Error("a pending registration could not be shown whole", "id", r.ID, "err", err)
	}
	return out
}

// addOwner adds to what an admin sees of a registration what it changes, who
// has sent it, and what is proven.
func (s *server) addOwner(ctx context.Context, out *api.Registration, r *store.Registration) error {
	if r.Status != store.Pending {
		return nil
	}
	var err error
	if r.Kind != store.KindWithdrawal {
		if out.Proof, err = s.proofOf(ctx, r); err != nil {
			return err
		}
	}
	if r.Entry == "" {
		return nil
	}
	out.NotOwner = r.Kind == store.KindNew
	entry, err := s.store.Entry(ctx, r.Entry)
	if err != nil {
		return err
	}
	changes, err := s.differences(ctx, &entry, r)
	out.Changes = changesOf(changes)
	return err
}

// differences are those that approval makes: to the entry, and to whom the root
// writes about it.
func (s *server) differences(ctx context.Context, entry *store.Entry, r *store.Registration) (all []store.FieldChange, err error) {
	to := r.Server
	if r.Kind == store.KindTransfer { // it changes the key only, whatever was listed when it was sent
		to = entry.Server
		to.Key = r.Server.Key
	}
	if r.Kind != store.KindWithdrawal {
		all = store.Difference(&entry.Server, &to)
	}
	owner, err := s.store.Review(ctx, entry.Owner)
	switch {
	case errors.Is(err, store.ErrNotFound): // it is forgotten
		return all, nil
	case err != nil:
		return nil, err
	case r.Kind != store.KindNew && owner.Email != r.Email:
		all = append(all, store.FieldChange{Field: "e-mail (never published)", From: owner.Email, To: r.Email})
	}
	return all, nil
}
