package root

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// mirrors sends all mirrors, the root's own entry included.
func (s *server) mirrors(w http.ResponseWriter, r *http.Request) error {
	all, err := s.store.WatchedMirrors(r.Context())
	if err != nil {
		return err
	}
	out := []api.WatchedMirror{}
	if s.cfg.PublicURL != "" {
		out = append(out, api.WatchedMirror{Mirror: api.Mirror{ID: issue.RootID, Operator: s.origin, URLs: []string{s.cfg.PublicURL}, Root: true}})
	}
	for _, m := range all {
		out = append(out, watchedOf(m))
	}
	return writeJSON(w, http.StatusOK, out)
}

// checkMirrors looks at all mirrors now, and sends them when the list shows
// what that has changed. That the list waits for an admin is told elsewhere.
func (s *server) checkMirrors(w http.ResponseWriter, r *http.Request) error {
	takeTime(w) // many may be silent
	change, err := s.watcher.Round(r.Context())
	if err != nil {
		return err
	}
	s.sender.Wake() // somebody may have to be told
	if change > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), publishTimeout)
		defer cancel()
		if err := s.publisher.Wait(ctx, serverlist.TypeMirrorList, change); err != nil {
			s.log.Warn("the mirrors have changed and the list that shows it is not published yet", "err", err)
		}
	}
	return s.mirrors(w, r)
}

func watchedOf(m store.WatchedMirror) api.WatchedMirror {
	out := api.WatchedMirror{
		Mirror: api.Mirror{
			ID: m.Mirror.ID, Operator: m.Mirror.Operator, Region: m.Mirror.Region, Contact: m.Mirror.Contact,
			Email: m.Email, URLs: m.Mirror.URLs,
		},
		State:      string(m.Watch.State),
		Since:      timeOrNil(m.Watch.Since),
		LeftOut:    timeOrNil(m.Watch.LeftOut),
		IllSeconds: int64(m.Watch.IllFor.Seconds()),
		Drops:      m.Watch.Drops,
		Added:      timeOrNil(m.Created),
		Request:    m.Registration,
	}
	if !m.Last.At.IsZero() {
		last := checkOf(m.Last)
		out.Last = &last
	}
	return out
}

func checkOf(c store.MirrorCheck) api.Check {
	out := api.Check{
		At: c.At, State: string(c.State), URL: c.URL, Version: c.Version, Epoch: c.Epoch,
		Issued: timeOrNil(c.Issued), Milliseconds: c.Took.Milliseconds(), Error: c.Error,
	}
	if !c.Issued.IsZero() {
		out.AgeSeconds = max(0, int64(c.At.Sub(c.Issued).Seconds()))
	}
	return out
}

// What one answer holds of a mirror's past.
const (
	shownChecks   = 500
	shownEvidence = 20
)

// mirrorHistory sends all that is known of a mirror.
func (s *server) mirrorHistory(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	all, err := s.store.WatchedMirrors(r.Context())
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.Mirror.ID == id {
			return s.writeHistory(w, r, m)
		}
	}
	return store.ErrNotFound
}

func (s *server) writeHistory(w http.ResponseWriter, r *http.Request, m store.WatchedMirror) error {
	checks, err := s.store.MirrorChecks(r.Context(), m.Mirror.ID, shownChecks)
	if err != nil {
		return err
	}
	evidence, err := s.store.Evidence(r.Context(), m.Mirror.ID, shownEvidence)
	if err != nil {
		return err
	}
	out := api.MirrorHistory{WatchedMirror: watchedOf(m), Checks: []api.Check{}}
	for _, c := range checks {
		out.Checks = append(out.Checks, checkOf(c))
	}
	for _, e := range evidence {
		out.Evidence = append(out.Evidence, api.Evidence{At: e.At, URL: e.URL, Held: string(e.Held), Served: string(e.Served)})
	}
	return writeJSON(w, http.StatusOK, out)
}

// addMirror answers when the edition with the mirror is served.
func (s *server) addMirror(w http.ResponseWriter, r *http.Request) error {
	var req api.NewMirror
	if err := s.decode(w, r, &req); err != nil {
		return err
	}
	var problems fieldProblems
	if req.Root {
		problems.add("root", "is for the root's own entry, which public_url in root.toml makes")
	}
	if req.Email != "" {
		problems.email(req.Email)
	}
	m := problems.mirror(req.Mirror)
	problems = append(problems, s.ownURLs(req.URLs)...)
	if len(problems) > 0 {
		return invalid(problems...)
	}
	if clash, err := s.clashes(r.Context(), m, ""); err != nil {
		return err
	} else if !clash && !req.Unchecked {
		if err := s.checkMirror(r.Context(), m.URLs); err != nil {
			return err
		}
	}
	change, err := s.store.AddMirror(r.Context(), m, req.Email, adminOf(r))
	if err != nil {
		return nameTaken(err, "id")
	}
	s.watcher.Wake()
	return s.published(w, r, m.ID, change)
}

// removeMirror answers when the edition without the mirror is served.
func (s *server) removeMirror(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	if id == issue.RootID {
		return problem(http.StatusConflict, "The entry %q is the root itself; it goes when public_url goes from root.toml.", id)
	}
	change, err := s.store.RemoveMirror(r.Context(), id, adminOf(r))
	if err != nil {
		return err
	}
	return s.published(w, r, id, change)
}

// mirror makes an entry of the mirror list and names what is wrong with it.
func (p *fieldProblems) mirror(req api.Mirror) serverlist.Mirror {
	m := serverlist.Mirror{
		ID:       req.ID,
		Operator: p.text("operator", req.Operator, serverlist.MaxText),
		Region:   p.text("region", req.Region, serverlist.MaxText),
		Contact:  p.text("contact", req.Contact, serverlist.MaxText),
		URLs:     req.URLs,
	}
	p.required("operator", req.Operator)
	if req.ID == issue.RootID {
		p.add("id", "%q is the root's own entry; choose another id", issue.RootID)
	}
	// Check names the first that is wrong; what is wrong before them must not hide
	// the URLs.
	for _, m := range []serverlist.Mirror{m, {ID: "x", Operator: "x", URLs: m.URLs}} {
		if f := new(serverlist.FieldError); errors.As(m.Check(), &f) && !p.has(f.Field) {
			p.add(f.Field, "%s", f.Problem)
		}
	}
	return m
}
