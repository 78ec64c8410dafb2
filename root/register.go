package root

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/proofofwork"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// What one source may send, good or bad: so many at once, then one a second. A
// network may send store.NetworkFactor times as much. Config.PerSource says how
// much of it may enter the queue.
const (
	requestBurst = 60
	requestEvery = time.Second
)

// register puts a request into the queue. It answers 202 only when the request
// is durable.
func (s *server) register(w http.ResponseWriter, r *http.Request) error {
	src := s.proxies.SourceOf(r)
	exempt, err := s.admitTo(s.floods.Servers, r, src)
	if err != nil {
		return err
	}
	return s.take(w, r, src, exempt)
}

// registerByAdmin puts into the queue what an admin sends, as where there is no
// public listener. It is approved like any other.
func (s *server) registerByAdmin(w http.ResponseWriter, r *http.Request) error {
	return s.take(w, r, s.adminSource(r), true)
}

// adminSource is where an admin's request comes from: as good as this machine.
func (s *server) adminSource(r *http.Request) limit.Source {
	src := s.proxies.SourceOf(r)
	src.Local = true
	return src
}

func (s *server) take(w http.ResponseWriter, r *http.Request, src limit.Source, exempt bool) error {
	var req api.RegistrationRequest
	src.Proof = limit.SentProofOf(r)
	form, err := s.bodies.decode(w, r, &req)
	if err != nil {
		return err
	}
	accepted, err := s.accept(r.Context(), &req, form, src, exempt)
	if err != nil {
		return err
	}
	if accepted.StatusURL != "" {
		w.Header().Set("Location", accepted.StatusURL)
	}
	return writeJSON(w, http.StatusAccepted, accepted)
}

// accept checks a request and puts it into the queue; the API and the form both
// end here.
func (s *server) accept(ctx context.Context, req *api.RegistrationRequest, form bodyForm, src limit.Source, exempt bool) (api.Accepted, error) {
	entry, wrong := checkRequest(req, src.Local || s.cfg.AllowPrivate)
	wrong = append(wrong, s.cfg.Games.Refuse(req.Game)...)
	if err := form.refuse(wrong...); err != nil {
		return api.Accepted{}, err
	}
	if err := s.refuseContent(&entry, req.Email); err != nil {
		return api.Accepted{}, err
	}
	return s.enqueue(ctx, entry, req.Email, src, exempt)
}

// admit takes one request of a source, or says how long it has to wait. exempt:
// nothing of this source is counted.
func (s *server) admit(src limit.Source) (exempt bool, err error) {
	if err := s.refuseSource(src); err != nil {
		return false, err
	}
	if src.Local && !s.cfg.LimitLoopback {
		return true, nil
	}
	if wait := s.waitFor(src); wait > 0 {
		return false, tooFast(wait)
	}
	return false, nil
}

// admitTo is admit for a request that wants to enter a queue, which in a flood has
// to bring a proof of work.
func (s *server) admitTo(guard *limit.Flood, r *http.Request, src limit.Source) (exempt bool, err error) {
	exempt, err = s.admit(src)
	if err == nil && !exempt {
		err = guard.TurnAway(r.Context(), src, r.Header.Get(proofofwork.Header), s.cfg.Now())
	}
	return exempt, err
}

// limits returns what may enter a queue.
func (s *server) limits(exempt bool) store.Limits {
	limits := store.Limits{Queue: s.cfg.Queue, PerSource: s.cfg.PerSource}
	if exempt || limits.PerSource < 0 {
		limits.PerSource = 0
	}
	return limits
}

// waitFor takes one request of a source and of its network. What one source
// sends in vain does not count for its neighbours.
func (s *server) waitFor(src limit.Source) time.Duration {
	now := s.cfg.Now()
	if wait := s.sources.Wait(src.Block(), now); wait > 0 {
		return wait
	}
	return s.networks.Wait(src.Network(), now)
}

func tooFast(wait time.Duration) error {
	p := problem(http.StatusTooManyRequests, "Nothing was stored: too many requests came from this address or its network. The header Retry-After says when the next one may.")
	p.RetryAfter = wait
	return p
}

// enqueue stores the request and hands out the one copy of its status token.
func (s *server) enqueue(ctx context.Context, entry serverlist.Server, email string, src limit.Source, exempt bool) (api.Accepted, error) {
	if !exempt {
		if err := s.floods.Servers.Demand(ctx, src, s.cfg.Now()); err != nil {
			return api.Accepted{}, err
		}
	}
	token := store.NewToken()
	reg, err := s.store.Register(ctx, store.Request{
		Server: entry,
		Email:  email,
		Source: src.Addr,
		Token:  token.Hash(),
	}, s.limits(exempt))
	if err != nil {
		return api.Accepted{}, err
	}
	s.floods.Servers.Took(s.cfg.Now())
	s.inspector.Wake()
	return api.Accepted{ID: reg.ID, Status: string(reg.Status), StatusURL: s.statusURL("registrations", reg.ID, token)}, nil
}

// statusURL is relative where no public URL is known: the request's Host
// header is the sender's word. Where nobody can ask for a status there is none.
func (s *server) statusURL(kind, id string, token store.Token) string {
	if s.cfg.Listen == config.ListenNone {
		return ""
	}
	path := "api/v1/" + kind + "/" + id + "/" + token.Reveal()
	if s.cfg.PublicURL == "" {
		return "/" + path
	}
	return strings.TrimSuffix(s.cfg.PublicURL, "/") + "/" + path
}
