package root

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

// adminPrefix begins the paths of the admin API.
const adminPrefix = "/api/v1/admin"

// What of an action is recorded when it succeeds. One that is refused is
// recorded in any case, unless it only looks.
type recording int

const (
	nothing    recording = iota // it shows nothing private
	nowAndThen                  // it shows something private: once a minute for each admin and subject
	beforehand                  // it hands out much that is private: each time, or it is not done
	changing                    // it changes something: with the change, or after it
)

// actions are the routes of the admin listener, each declared with the name
// that it has in the audit log. There is no other way to declare one, and so
// none that is not recorded; a test walks the routes to make sure.
type actions struct {
	s     *server
	r     chi.Router
	known map[string]known // by method and pattern
}

type known struct {
	action audit.Action
	record recording
}

func (s *server) newActions(r chi.Router) *actions {
	return &actions{s, r, make(map[string]known)}
}

// get declares what shows nothing private.
func (a *actions) get(pattern string, name audit.Action, h handler) {
	a.declare(http.MethodGet, pattern, known{name, nothing}, h)
}

// reveal declares what shows something private, as an e-mail address.
func (a *actions) reveal(pattern string, name audit.Action, h handler) {
	a.declare(http.MethodGet, pattern, known{name, nowAndThen}, h)
}

// export declares what hands out all there is.
func (a *actions) export(pattern string, name audit.Action, h handler) {
	a.declare(http.MethodGet, pattern, known{name, beforehand}, h)
}

// post declares what changes something. What its handler stores is recorded
// with it; see [store.AuditLog].
func (a *actions) post(pattern string, name audit.Action, h handler) {
	a.declare(http.MethodPost, pattern, known{name, changing}, h)
}

// delete declares what takes something away.
func (a *actions) delete(pattern string, name audit.Action, h handler) {
	a.declare(http.MethodDelete, pattern, known{name, changing}, h)
}

func (a *actions) declare(method, pattern string, k known, h handler) {
	a.known[method+" "+adminPrefix+pattern] = k
	a.r.Method(method, adminPrefix+pattern, a.s.handle(h))
}

// of returns what is declared for the route of a request.
func (a *actions) of(r *http.Request) known {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	path := r.URL.Path
	if r.URL.RawPath != "" {
		path = r.URL.RawPath // as the router does
	}
	rctx := chi.NewRouteContext()
	if !a.r.Match(rctx, method, path) {
		return known{}
	}
	return a.known[method+" "+rctx.RoutePattern()]
}

// authorise is the one door of the admin listener: it lets in who may come in,
// and what they do from here on is recorded. Whoever stays outside is recorded
// as well.
func (a *actions) authorise(next http.Handler) http.Handler {
	foreign := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, what := a.s, a.of(r)
		src := s.proxies.SourceOf(r)
		if d := s.checkDoor(r, foreign); d != nil {
			s.deny(w, r, src, what.action, d)
			return
		}
		name, err := s.admin(r)
		switch {
		case err == nil:
			noteAdmin(r, name)
			call := &adminCall{Call: audit.Call{Admin: name, Source: addrText(src.Addr), Action: what.action}, record: what.record}
			ctx := context.WithValue(audit.With(r.Context(), &call.Call), adminKey{}, call)
			next.ServeHTTP(w, r.WithContext(ctx))
		case errors.Is(err, store.ErrNotFound):
			s.deny(w, r, src, what.action, tokenDenial(r))
		default:
			s.log.Error("a token could not be checked", "err", err)
			writeProblem(w, problemOf(err))
		}
	})
}

// An adminCall is a request of an admin who was let in.
type adminCall struct {
	audit.Call
	record recording
}

type adminKey struct{}

func callOf(r *http.Request) *adminCall {
	call, _ := r.Context().Value(adminKey{}).(*adminCall)
	return call
}

// adminOf names who sent the request.
func adminOf(r *http.Request) string {
	if call := callOf(r); call != nil {
		return call.Admin
	}
	return ""
}

// perform runs the handler of a request, and records what an admin did with it.
func (s *server) perform(h handler, w http.ResponseWriter, r *http.Request) error {
	call := callOf(r)
	if call == nil { // everybody may ask
		return h(w, r)
	}
	if call.Subject = chi.URLParam(r, "id"); call.Subject == "" {
		call.Subject = chi.URLParam(r, "name")
	}
	if err := s.recordLook(r, call); err != nil {
		return err
	}
	err := h(w, r)
	if call.record == changing {
		s.teller.Wake()
	}
	if call.Recorded() || call.record == nothing && err != nil {
		return err
	}
	switch {
	case err != nil:
		s.recordFailure(r, call, problemOf(err).Status, err)
	case call.record == changing:
		s.note(r.Context(), call.Event(audit.Done))
	}
	return err
}

// recordLook records that an admin sees what is private, before it is shown.
func (s *server) recordLook(r *http.Request, call *adminCall) error {
	switch call.record {
	case beforehand:
		return s.store.Audit(r.Context(), call.Event(audit.Seen))
	case nowAndThen:
		if e := call.Event(audit.Seen); s.looks.first(e, s.cfg.Now()) {
			s.note(r.Context(), e)
		}
	}
	return nil
}

// recordFailure records what was not done. Many in a row are counted.
func (s *server) recordFailure(r *http.Request, call *adminCall, status int, err error) {
	e := call.Event(audit.Refused)
	if status >= http.StatusInternalServerError {
		e.Outcome = audit.Failed
	}
	e.Detail = http.StatusText(status) + ": " + err.Error()
	s.note(r.Context(), s.refusals.add(e, s.cfg.Now())...)
}

// note records what is done or denied already, so that the answer does not
// depend on it.
func (s *server) note(ctx context.Context, events ...audit.Event) {
	if err := s.store.Audit(context.WithoutCancel(ctx), events...); err != nil {
		for _, e := range events {
			s.log.Error("the audit log could not be written", "err", err, "admin", e.Admin, "action", e.Action, "outcome", e.Outcome, "subject", e.Subject)
		}
	}
}
