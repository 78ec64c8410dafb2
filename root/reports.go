package root

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// shownReports is how many reports about one entry are shown whole.
const shownReports = 20

// report takes what a player says of a listed server. It answers 202 only when
// the report is durable.
func (s *server) report(w http.ResponseWriter, r *http.Request) error {
	src := s.proxies.SourceOf(r)
	if _, err := s.admit(src); err != nil {
		return err
	}
	var req api.NewReport
	if err := s.decode(w, r, &req); err != nil {
		return err
	}
	var problems fieldProblems
	problems.check("entry_id", serverlist.CheckID(req.EntryID))
	if !slices.Contains(api.ReportKinds, req.Kind) {
		problems.add("kind", "must be one of %s", strings.Join(api.ReportKinds, ", "))
	}
	text := problems.text("text", req.Text, serverlist.MaxDescription)
	if len(problems) > 0 {
		return invalid(problems...)
	}
	report := store.Report{Entry: req.EntryID, Kind: req.Kind, Text: text}
	err := s.store.AddReport(r.Context(), report, src.Addr)
	many := new(store.TooManyError)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return invalid(api.FieldProblem{Field: "entry_id", Problem: "no entry of the list has this id"})
	case errors.As(err, &many):
		p := problem(http.StatusTooManyRequests, "Nothing was stored: there are enough reports until an admin has read them.")
		p.RetryAfter = 24 * time.Hour
		return p
	case err != nil:
		return err
	}
	s.teller.Report(context.WithoutCancel(r.Context()), report) // it is stored, whoever waits
	return writeJSON(w, http.StatusAccepted, api.Reported{EntryID: req.EntryID, Status: "received"})
}

// listReports sends the open reports, by entry; those with most reports first.
func (s *server) listReports(w http.ResponseWriter, r *http.Request) error {
	all, err := s.store.OpenReports(r.Context())
	if err != nil {
		return err
	}
	out := []api.Reports{}
	for _, one := range all {
		if len(out) == 0 || out[len(out)-1].EntryID != one.Entry {
			out = append(out, api.Reports{EntryID: one.Entry, Kinds: make(map[string]int)})
		}
		about := &out[len(out)-1]
		about.Kinds[one.Kind]++
		if len(about.Newest) < shownReports {
			about.Newest = append(about.Newest, api.Report{Kind: one.Kind, Text: one.Text, At: one.At})
		}
	}
	slices.SortStableFunc(out, func(a, b api.Reports) int { return cmp.Compare(countReports(b), countReports(a)) })
	return writeJSON(w, http.StatusOK, out)
}

func countReports(r api.Reports) (n int) {
	for _, of := range r.Kinds {
		n += of
	}
	return n
}

// resolveReports is done with the open reports about an entry.
func (s *server) resolveReports(w http.ResponseWriter, r *http.Request) error {
	var req api.Resolution
	if err := s.decode(w, r, &req); err != nil {
		return err
	}
	var problems fieldProblems
	note := problems.text("note", req.Note, serverlist.MaxDescription)
	if problems.required("note", req.Note); len(problems) > 0 {
		return invalid(problems...)
	}
	id := chi.URLParam(r, "id")
	n, err := s.store.ResolveReports(r.Context(), id, note, adminOf(r))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Resolved{EntryID: id, Reports: n})
}
