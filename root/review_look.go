package root

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
)

// maxHistory is how many earlier registrations an admin sees beside one.
const maxHistory = 20

// review sends one registration with all that an admin judges by.
func (s *server) review(w http.ResponseWriter, r *http.Request) error {
	out, err := s.reviewed(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *server) reviewed(r *http.Request) (api.Registration, error) {
	id := chi.URLParam(r, "id")
	review, err := s.store.Review(r.Context(), id)
	if err != nil {
		return api.Registration{}, err
	}
	past, err := s.store.History(r.Context(), id, maxHistory)
	if err != nil {
		return api.Registration{}, err
	}
	out := reviewOf(review)
	out.Block = s.blockOf(&review)
	if out.Notes, err = s.notesOf(r.Context(), store.NoteRegistration, id); err != nil {
		return api.Registration{}, err
	}
	for _, p := range past {
		out.History = append(out.History, pastOf(p))
	}
	return out, s.addOwner(r.Context(), &out, &review.Registration)
}

// look looks at the server of a registration again, now.
func (s *server) look(w http.ResponseWriter, r *http.Request) error {
	review, err := s.store.Review(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	if review.Status != store.Pending {
		return &store.DecidedError{ID: review.ID, Status: review.Status, Entry: review.Entry}
	}
	if _, err := s.inspector.Look(r.Context(), review.Registration); err != nil {
		return err
	}
	return s.review(w, r)
}

func pastOf(p store.Past) api.Past {
	out := api.Past{
		ID: p.ID, Status: string(p.Status), Name: p.Server.Name, EntryID: p.Entry,
		Created: p.Created, Decided: timeOrNil(p.Decided), Reason: p.Reason,
	}
	for _, b := range p.Because {
		out.Because = append(out.Because, string(b))
	}
	return out
}

func findingsOf(f *store.Findings) *api.Findings {
	if f == nil {
		return nil
	}
	out := &api.Findings{At: f.At, Source: hostFound(f.Source), Probe: api.ProbeFinding(f.Probe)}
	for _, h := range f.Hosts {
		out.Hosts = append(out.Hosts, hostFound(h))
	}
	return out
}

func hostFound(h store.HostFinding) api.HostFound {
	out := api.HostFound{Host: h.Host, Names: h.Names, Error: h.Error}
	for _, a := range h.Addresses {
		out.Addresses = append(out.Addresses, a.String())
	}
	return out
}
