package root

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// entries sends the entries that a query chooses, as they are read.
func (s *server) entries(w http.ResponseWriter, r *http.Request) error {
	f, err := entryFilter(r.URL.Query())
	if err != nil {
		return err
	}
	reports, err := s.store.CountReports(r.Context(), "")
	if err != nil {
		return err
	}
	return writeArray(s, w, func(each func(api.Entry) error) error {
		return s.store.Entries(r.Context(), f, func(e store.Entry) error {
			out := entryOf(&e)
			out.Reports = reports[out.ID]
			return each(out)
		})
	})
}

func entryFilter(q url.Values) (store.EntryFilter, error) {
	var problems fieldProblems
	f := store.EntryFilter{Game: q.Get("game"), State: store.EntryState(q.Get("state"))}
	for name, values := range q {
		switch {
		case name != "game" && name != "state":
			problems.add(clip(name), "is not known; there are game and state")
		case len(values) > 1:
			problems.add(name, "stands twice")
		}
	}
	switch f.State {
	case "", store.EntryListed, store.EntrySuspended, store.EntryRevoked:
	default:
		problems.add("state", `must be "listed", "suspended" or "revoked"`)
	}
	if len(problems) > 0 {
		return f, invalid(problems.sorted()...)
	}
	return f, nil
}

// entry sends one entry with its history.
func (s *server) entry(w http.ResponseWriter, r *http.Request) error {
	e, err := s.store.Entry(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	out := entryOf(&e)
	if err := s.addHistory(r.Context(), &out); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *server) addHistory(ctx context.Context, out *api.Entry) (err error) {
	reports, err := s.store.CountReports(ctx, out.ID)
	if err != nil {
		return err
	}
	out.Reports = reports[out.ID]
	if out.Notes, err = s.notesOf(ctx, store.NoteEntry, out.ID); err != nil {
		return err
	}
	living, looks, err := s.store.Alive(ctx, out.ID, maxHistory)
	if err != nil {
		return err
	}
	if living.State != "" {
		out.Alive = &api.Alive{State: string(living.State), Since: living.Since, Checked: living.Checked}
	}
	for _, l := range looks {
		out.Looks = append(out.Looks, api.Look{At: l.At, State: string(l.State), Error: l.Error})
	}
	regs, err := s.store.RegistrationsOf(ctx, out.ID, maxHistory)
	for _, r := range regs {
		out.Registrations = append(out.Registrations, api.EntryChange{
			ID: r.ID, Kind: string(r.Kind), Status: string(r.Status), Created: r.Created,
			Decided: timeOrNil(r.Decided), Admin: r.Admin, Reason: r.Reason,
		})
	}
	return err
}

func entryOf(e *store.Entry) api.Entry {
	s := &e.Server
	out := api.Entry{
		ID: s.ID, State: string(e.State), Name: s.Name, Addresses: s.Addresses, Game: s.Game, Description: s.Description,
		Version: s.Version, Website: s.Website, Key: s.Key, Registration: e.Registration, Owner: e.Owner,
		Created: e.Created, Updated: e.Updated, Reason: e.Reason,
	}
	if p := e.Suspended; p != nil {
		out.Suspended = &api.Suspended{Reason: p.Reason, Admin: p.Admin, Since: p.Since, Ends: timeOrNil(p.Ends)}
	}
	return out
}

// suspend takes an entry out of the list for a while.
func (s *server) suspend(w http.ResponseWriter, r *http.Request) error {
	var req api.Suspend
	if err := s.decode(w, r, &req); err != nil {
		return err
	}
	var problems fieldProblems
	p := store.Suspension{Entry: chi.URLParam(r, "id"), Admin: adminOf(r)}
	if p.Reason = problems.text("reason", req.Reason, serverlist.MaxDescription); strings.TrimSpace(req.Reason) == "" {
		problems.add("reason", "is required: the owner reads it")
	}
	p.Ends = s.endOf(req.Ends, &problems)
	if len(problems) > 0 {
		return invalid(problems...)
	}
	e, err := s.store.Suspend(r.Context(), p)
	return s.changedEntry(w, e, err)
}

// endOf reads when a suspension or a block ends; the zero time: never. JSON has
// no years after 9999, which an offset may lead to.
func (s *server) endOf(ends *time.Time, problems *fieldProblems) (at time.Time) {
	if ends == nil {
		return at
	}
	at = ends.UTC().Truncate(time.Second)
	switch {
	case !s.cfg.Now().Before(at):
		problems.add("ends", "is over already")
	case at.Year() > 9999:
		problems.add("ends", "is after the year 9999; leave it out if there is no end")
	}
	return at
}

// resume puts a suspended entry back into the list.
func (s *server) resume(w http.ResponseWriter, r *http.Request) error {
	e, err := s.store.Resume(r.Context(), chi.URLParam(r, "id"), adminOf(r))
	if not := new(store.NotSuspendedError); errors.As(err, &not) {
		return problem(http.StatusConflict, "Nothing was changed: %v.", err)
	}
	return s.changedEntry(w, e, err)
}

func (s *server) changedEntry(w http.ResponseWriter, e store.Entry, err error) error {
	if err != nil {
		return err
	}
	s.publisher.Changed()
	return writeJSON(w, http.StatusOK, entryOf(&e))
}

const (
	resumeEvery = 30 * time.Second // how exactly suspensions end
	resumeBatch = 500
)

// resumeDue puts entries back whose suspension has ended, until ctx ends.
func (s *server) resumeDue(ctx context.Context) error {
	ticker := time.NewTicker(resumeEvery)
	defer ticker.Stop()
	for {
		for {
			ids, err := s.store.ResumeDue(ctx, resumeBatch)
			if err != nil && ctx.Err() == nil {
				s.log.Error("suspensions that have ended could not be lifted; it is tried again", "err", err)
			}
			if len(ids) == 0 {
				break
			}
			s.log.Info("suspensions have ended", "entries", len(ids))
			s.publisher.Changed()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// noteDown notes something down about a registration or an entry.
func (s *server) noteDown(kind store.NoteKind) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var req api.NewNote
		if err := s.decode(w, r, &req); err != nil {
			return err
		}
		var problems fieldProblems
		text := problems.text("text", req.Text, serverlist.MaxDescription)
		if problems.required("text", req.Text); len(problems) > 0 {
			return invalid(problems...)
		}
		n, err := s.store.AddNote(r.Context(), store.Note{Kind: kind, About: chi.URLParam(r, "id"), Admin: adminOf(r), Text: text})
		if many := new(store.TooManyError); errors.As(err, &many) {
			return problem(http.StatusConflict, "Nothing was changed: %v.", err)
		}
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, api.Note{At: n.At, Admin: n.Admin, Text: n.Text})
	}
}

func (s *server) notesOf(ctx context.Context, kind store.NoteKind, about string) (out []api.Note, err error) {
	all, err := s.store.Notes(ctx, kind, about)
	for _, n := range all {
		out = append(out, api.Note{At: n.At, Admin: n.Admin, Text: n.Text})
	}
	return out, err
}

// sentence ends a sentence that has no end yet.
func sentence(text string) string {
	if text = strings.TrimSpace(text); strings.HasSuffix(text, "?") || strings.HasSuffix(text, "!") {
		return text
	}
	return strings.TrimRight(text, ". ") + "."
}

// suspendedSummary answers why an entry is not in the list for now.
func suspendedSummary(p *store.Suspension) string {
	text := "The server is not in the list for now: " + sentence(p.Reason) + " "
	switch {
	case !p.Ends.IsZero():
		return text + "It comes back by itself on " + p.Ends.Format("2006-01-02 15:04 MST") + "."
	case p.Admin == audit.Watcher:
		return text + "It comes back by itself when the root finds it alive."
	}
	return text + "It comes back when an admin says so."
}
