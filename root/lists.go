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

// rootMirror is the id of the root's own entry in the mirror list.
const rootMirror = "root"

// publishTimeout bounds how long a change of the mirror list waits until it is
// served. Two editions have to be a second apart, so it takes about that long.
const publishTimeout = 30 * time.Second

// mirrors sends the entries of the mirror list, that of the root included.
func (s *server) mirrors(w http.ResponseWriter, r *http.Request) error {
	list, _, err := s.store.Mirrors(r.Context())
	if err != nil {
		return err
	}
	out := []api.Mirror{}
	if s.cfg.PublicURL != "" {
		out = append(out, api.Mirror{ID: rootMirror, Operator: s.origin, URLs: []string{s.cfg.PublicURL}, Root: true})
	}
	for _, m := range list {
		out = append(out, api.Mirror{ID: m.ID, Operator: m.Operator, Region: m.Region, Contact: m.Contact, URLs: m.URLs})
	}
	return writeJSON(w, http.StatusOK, out)
}

// addMirror answers when the edition with the mirror is served.
func (s *server) addMirror(w http.ResponseWriter, r *http.Request) error {
	var req api.Mirror
	if err := s.decode(w, r, &req); err != nil {
		return err
	}
	m, err := mirrorOf(req)
	if err != nil {
		return err
	}
	change, err := s.store.AddMirror(r.Context(), m, adminOf(r))
	if err != nil {
		return nameTaken(err, "id")
	}
	return s.published(w, r, m.ID, change)
}

// removeMirror answers when the edition without the mirror is served.
func (s *server) removeMirror(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	if id == rootMirror {
		return problem(http.StatusConflict, "The entry %q is the root itself; it goes when public_url goes from root.toml.", id)
	}
	change, err := s.store.RemoveMirror(r.Context(), id, adminOf(r))
	if err != nil {
		return err
	}
	return s.published(w, r, id, change)
}

func mirrorOf(req api.Mirror) (serverlist.Mirror, error) {
	var problems fieldProblems
	m := serverlist.Mirror{
		ID:       req.ID,
		Operator: problems.text("operator", req.Operator, serverlist.MaxText),
		Region:   problems.text("region", req.Region, serverlist.MaxText),
		Contact:  problems.text("contact", req.Contact, serverlist.MaxText),
		URLs:     req.URLs,
	}
	problems.required("operator", req.Operator)
	if req.ID == rootMirror {
		problems.add("id", "%q is the root's own entry; choose another id", rootMirror)
	}
	if req.Root {
		problems.add("root", "is for the root's own entry, which public_url in root.toml makes")
	}
	if f := new(serverlist.FieldError); errors.As(m.Check(), &f) && !problems.has(f.Field) {
		problems.add(f.Field, "%s", f.Problem)
	}
	if len(problems) > 0 {
		return serverlist.Mirror{}, invalid(problems...)
	}
	return m, nil
}

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

func listOf(state issue.State) api.List {
	out := api.List{Name: nameOf(state.Type), NextBy: timeOrNil(state.Next)}
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
	typ := typeOf(chi.URLParam(r, "name"))
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

func nameOf(typ string) string {
	if typ == serverlist.TypeMirrorList {
		return issue.MirrorListName
	}
	return issue.ServerListName
}

func typeOf(name string) string {
	switch name {
	case issue.ServerListName:
		return serverlist.TypeServerList
	case issue.MirrorListName:
		return serverlist.TypeMirrorList
	}
	return ""
}
