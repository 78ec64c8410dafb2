package root

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// queueFullRetry is what a requester is told to wait when the queue is full:
// it shrinks when an admin finds time, not by itself.
const queueFullRetry = time.Hour

// problem makes a problem document of a status and a sentence.
func problem(status int, format string, args ...any) *api.Problem {
	return &api.Problem{Status: status, Detail: fmt.Sprintf(format, args...)}
}

// invalid makes the problem of a request whose members are wrong.
func invalid(fields ...api.FieldProblem) *api.Problem {
	p := problem(http.StatusUnprocessableEntity, "Nothing was stored: the request has members that are wrong.")
	p.Errors = fields
	return p
}

// problemOf is the one switch from the errors of this project to statuses.
func problemOf(err error) *api.Problem {
	var (
		p       *api.Problem
		limited *store.SourceLimitError
		decided *store.DecidedError
		taken   *store.TakenError
		update  *store.UpdateError
		field   *serverlist.FieldError
		removal *issue.RemovalError
		confirm *store.ConfirmError
		changed *store.RevisionError
		place   *store.URLTakenError
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, store.ErrNoSpace), errors.Is(err, store.ErrReadOnly):
		return unavailable()
	case errors.Is(err, store.ErrNotFound):
		return problem(http.StatusNotFound, "There is nothing with this id.")
	case errors.Is(err, store.ErrQueueFull):
		p = problem(http.StatusTooManyRequests, "Nothing was stored: %v.", err)
		p.RetryAfter = queueFullRetry
		return p
	case errors.As(err, &limited):
		p = problem(http.StatusTooManyRequests, "Nothing was stored: %v.", err)
		p.RetryAfter = limited.RetryAfter
		return p
	case errors.As(err, &decided), errors.As(err, &update), errors.As(err, &confirm), errors.As(err, &changed):
		return problem(http.StatusConflict, "Nothing was changed: %v.", err)
	case errors.As(err, &taken):
		p = problem(http.StatusConflict, "Nothing was changed: %v.", err)
		p.Errors = []api.FieldProblem{{Field: "id", Problem: "is taken"}}
		return p
	case errors.As(err, &place):
		p = problem(http.StatusConflict, "Nothing was changed: %v.", err)
		p.Errors = []api.FieldProblem{{Field: "urls", Problem: fmt.Sprintf("%s is that of mirror %q", clip(place.URL), place.Mirror)}}
		return p
	case errors.As(err, &field):
		return invalid(api.FieldProblem{Field: field.Field, Problem: field.Problem})
	case errors.As(err, &removal):
		return problem(http.StatusConflict, "This was stored and is not published yet: %v.", err)
	default:
		return problem(http.StatusInternalServerError,
			"The root failed. What was answered before is safe; the cause is in the log of the root.")
	}
}

// handler is a handler that leaves its errors to [problemOf].
type handler func(w http.ResponseWriter, r *http.Request) error

// handle turns h into a plain handler, and records what an admin does with it.
// Errors that are not the requester's are logged, by the route's pattern: paths
// may hold a secret.
func (s *server) handle(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := s.perform(h, w, r)
		if err == nil {
			return
		}
		p := problemOf(err)
		if errors.Is(err, store.ErrNotFound) {
			p = nothingThere(r)
		}
		if p.Status >= 500 && !errors.Is(err, context.Canceled) {
			s.log.Error("a request failed", "method", r.Method, "route", r.Pattern, "err", err)
		}
		writeProblem(w, p)
	}
}

// nothingThere names what a request has asked for in vain.
func nothingThere(r *http.Request) *api.Problem {
	if name := chi.URLParam(r, "name"); name != "" {
		return problem(http.StatusNotFound, "There is no list %q; there are %s and %s.", clip(name), issue.ServerListName, issue.MirrorListName)
	}
	return problem(http.StatusNotFound, "There is nothing with the id %q.", clip(chi.URLParam(r, "id")))
}

// writeProblem completes p and sends it.
func writeProblem(w http.ResponseWriter, p *api.Problem) {
	out := *p
	if out.Type == "" {
		out.Type = "about:blank"
	}
	if out.Title == "" {
		out.Title = http.StatusText(out.Status)
	}
	h := w.Header()
	setRetry(h, out.RetryAfter)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	send(w, api.ProblemType, out.Status, out)
}

// setRetry says in how many seconds to try again, unless that would not help.
func setRetry(h http.Header, after time.Duration) {
	if after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
}

// writeJSON sends an answer that no cache may keep: all JSON here is about
// somebody's request.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Cache-Control", "no-store")
	send(w, "application/json", status, v)
	return nil
}

// send writes v as one line. A failure to write is the connection's, and the
// reader sees it.
func send(w http.ResponseWriter, contentType string, status int, v any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(v)
}

// notFound answers paths that are no route.
func notFound(w http.ResponseWriter, _ *http.Request) {
	writeProblem(w, problem(http.StatusNotFound, "%s", api.NoSuchPath))
}

// methodNotAllowed answers a route's path with another method, and names those
// that it has.
func methodNotAllowed(routes chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		allowed := methodsOf(routes, r.URL.EscapedPath())
		if len(allowed) == 0 { // an unknown method on a path that is no route
			notFound(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, problem(http.StatusMethodNotAllowed, "This path does not take %s; the header Allow names what it takes.", clip(r.Method)))
	}
}

func methodsOf(routes chi.Routes, path string) []string {
	var methods []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		if routes.Match(chi.NewRouteContext(), m, path) {
			methods = append(methods, m)
			if m == http.MethodGet {
				methods = append(methods, http.MethodHead)
			}
		}
	}
	return methods
}

// recoverer answers a panic of a handler, so that the requester gets a problem
// like any other; the process lives on.
func recoverer(log *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				switch v := recover(); v {
				case nil:
				case http.ErrAbortHandler:
					panic(v)
				default:
					log.Error("a handler panicked", "method", r.Method, "route", r.Pattern, "panic", v, "stack", string(debug.Stack()))
					writeProblem(w, problemOf(fmt.Errorf("panic: %v", v)))
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
}
