package root

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// publishTimeout bounds how long a change of the mirror list waits until it is
// served. Two editions have to be a second apart, so it takes about that long.
const publishTimeout = 30 * time.Second

// published waits until the mirror list shows the change.
func (s *server) published(w http.ResponseWriter, r *http.Request, id string, change int64) error {
	ctx, cancel := context.WithTimeout(r.Context(), publishTimeout)
	defer cancel()
	if err := s.publisher.Wait(ctx, serverlist.TypeMirrorList, change); err != nil {
		var removal *issue.RemovalError
		if errors.As(err, &removal) {
			return err
		}
		s.log.Error("the mirror list is changed and could not be published", "err", err)
		p := problem(http.StatusServiceUnavailable, "The change is stored, and the list that shows it could not be published yet: %v. The root tries again by itself.", err)
		return p
	}
	return writeJSON(w, http.StatusOK, api.Published{ID: id, Version: s.publisher.Current(serverlist.TypeMirrorList).Version})
}

// lists says how the publishing goes.
func (s *server) lists(w http.ResponseWriter, _ *http.Request) error {
	out := []api.List{}
	for _, typ := range []string{serverlist.TypeServerList, serverlist.TypeMirrorList} {
		out = append(out, listOf(s.publisher.State(typ)))
	}
	return writeJSON(w, http.StatusOK, out)
}

// targets says how it goes with the places that everything is brought to.
func (s *server) targets(w http.ResponseWriter, _ *http.Request) error {
	out := []api.Target{}
	for _, t := range s.pusher.States() {
		one := api.Target{
			Target: t.Target, PublicURL: t.PublicURL, Current: t.Current, Servers: t.Servers, Mirrors: t.Mirrors, Trust: t.Trust,
			Visited: timeOrNil(t.Visited), Done: timeOrNil(t.Done), Failures: t.Failures, Next: timeOrNil(t.Next),
		}
		if t.Err != nil {
			one.Failure = t.Err.Error()
		}
		out = append(out, one)
	}
	return writeJSON(w, http.StatusOK, out)
}

func listOf(state issue.State) api.List {
	out := api.List{Name: issue.NameOf(state.Type), NextBy: timeOrNil(state.Next)}
	if d := state.Document; d != nil {
		out.Version, out.Epoch, out.Entries = d.Version, d.Epoch, d.Entries
		out.Issued, out.FreshUntil = timeOrNil(d.Issued), timeOrNil(d.FreshUntil)
	}
	if state.Err != nil {
		out.Failure = state.Err.Error()
	}
	var removal *issue.RemovalError
	if errors.As(state.Err, &removal) {
		out.Confirm = removal.Change
	}
	return out
}

// confirm releases an edition that loses many entries.
func (s *server) confirm(w http.ResponseWriter, r *http.Request) error {
	typ := issue.TypeOf(chi.URLParam(r, "name"))
	if typ == "" {
		return store.ErrNotFound
	}
	var req api.Confirmation
	if err := s.decode(w, r, &req); err != nil {
		return err
	}
	if req.Change < 1 {
		return invalid(api.FieldProblem{Field: "change", Problem: "is required: the number that the list shows as confirm"})
	}
	if err := s.publisher.Confirm(r.Context(), typ, req.Change, adminOf(r)); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, listOf(s.publisher.State(typ)))
}
