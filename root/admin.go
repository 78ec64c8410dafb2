package root

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Decisions answer as soon as they are durable. The publisher is told, and the
// edition that shows them follows.

// pending sends every pending registration as one array, as it is read.
func (s *server) pending(w http.ResponseWriter, r *http.Request) error {
	return writeArray(s, w, func(each func(api.Registration) error) error {
		return s.store.Pending(r.Context(), func(review store.Review) error { return each(s.listed(r.Context(), review)) })
	})
}

// approve makes a registration a listed entry. The body may be absent.
func (s *server) approve(w http.ResponseWriter, r *http.Request) error {
	var req api.Approval
	if r.ContentLength != 0 {
		if err := s.decode(w, r, &req); err != nil {
			return err
		}
	}
	if req.Revision < 0 {
		return invalid(api.FieldProblem{Field: "revision", Problem: "must be the number that the registration shows as revision"})
	}
	switch {
	case req.EntryID == "" && req.Replace:
		return invalid(api.FieldProblem{Field: "entry_id", Problem: "is required with replace: the listed entry that this server replaces"})
	case req.EntryID != "":
		if err := serverlist.CheckID(req.EntryID); err != nil {
			return invalid(api.FieldProblem{Field: "entry_id", Problem: err.Error()})
		}
	}
	id := chi.URLParam(r, "id")
	entry, err := s.store.Approve(r.Context(), store.Approval{
		Registration: id,
		Revision:     req.Revision,
		Entry:        req.EntryID,
		Replace:      req.Replace,
		NewOwner:     req.NewOwner,
		Admin:        adminOf(r),
	})
	if err != nil {
		return nameTaken(err, "entry_id")
	}
	s.publisher.Changed()
	return writeJSON(w, http.StatusOK, api.Decided{
		ID: id, Status: string(store.Approved), EntryID: entry.Server.ID, EntryState: string(entry.State),
		Name: entry.Server.Name, Addresses: entry.Server.Addresses,
	})
}

// reject ends a pending registration.
func (s *server) reject(w http.ResponseWriter, r *http.Request) error {
	reason, err := s.reason(w, r)
	if err != nil {
		return err
	}
	reg, err := s.store.Reject(r.Context(), chi.URLParam(r, "id"), reason, adminOf(r))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Decided{ID: reg.ID, Status: string(reg.Status)})
}

// revoke takes an entry out of the list.
func (s *server) revoke(w http.ResponseWriter, r *http.Request) error {
	reason, err := s.reason(w, r)
	if err != nil {
		return err
	}
	entry, err := s.store.Revoke(r.Context(), chi.URLParam(r, "id"), reason, adminOf(r))
	if err != nil {
		return err
	}
	s.publisher.Changed()
	return writeJSON(w, http.StatusOK, api.Decided{ID: entry.Registration, Status: string(store.Revoked), EntryID: entry.Server.ID})
}

// reason reads the body of a rejection or revocation. The requester and every
// later admin read it, so it is required.
func (s *server) reason(w http.ResponseWriter, r *http.Request) (string, error) {
	var req api.Reason
	if err := s.decode(w, r, &req); err != nil {
		return "", err
	}
	if strings.TrimSpace(req.Reason) == "" {
		return "", invalid(api.FieldProblem{Field: "reason", Problem: "is required: the requester reads it"})
	}
	var problems fieldProblems
	reason := problems.text("reason", req.Reason, serverlist.MaxDescription)
	if len(problems) > 0 {
		return "", invalid(problems...)
	}
	return reason, nil
}

// decode reads a body of which every member must be right.
func (s *server) decode(w http.ResponseWriter, r *http.Request, into any) error {
	form, err := s.bodies.decode(w, r, into)
	if err != nil {
		return err
	}
	return form.refuse()
}

// nameTaken names the member that holds a taken id.
func nameTaken(err error, field string) error {
	var taken *store.TakenError
	if !errors.As(err, &taken) {
		return err
	}
	p := problem(http.StatusConflict, "Nothing was changed: %v.", err)
	p.Errors = []api.FieldProblem{{Field: field, Problem: fmt.Sprintf("%q is taken", clip(taken.ID))}}
	return p
}
