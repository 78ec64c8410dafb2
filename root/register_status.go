package root

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// maxMirrorURLs is how many mirrors one status names.
const maxMirrorURLs = 100

// status tells a requester what has become of the request. Whoever has the URL
// may see it, so it holds nothing that the list would not show, except what
// its owner has asked for.
func (s *server) status(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	out, err := s.statusOf(r.Context(), chi.URLParam(r, "id"), chi.URLParam(r, "token"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// statusOf is what the API and the status page show of a registration.
// [store.ErrNotFound] when the token does not open it.
func (s *server) statusOf(ctx context.Context, id, secret string) (api.Status, error) {
	token, err := store.ParseToken(secret)
	if err != nil {
		return api.Status{}, store.ErrNotFound
	}
	h, err := s.store.Holding(ctx, id, token)
	if err != nil {
		return api.Status{}, err
	}
	out := api.Status{
		ID:      h.ID,
		Status:  string(h.Status),
		Name:    h.Server.Name,
		Created: h.Created,
		Updated: h.Updated,
		Decided: timeOrNil(h.Decided),
		Reason:  h.Reason,
		EntryID: statusEntry(h.Registration),
		Kind:    string(h.Kind),
		Owner:   h.Owner,
	}
	if h.Listed != nil {
		out.Name = h.Listed.Server.Name
		if out.Listing, err = s.listingOf(ctx, h.Listed); err != nil {
			return api.Status{}, err
		}
	}
	if h.Owner {
		if err := s.addOwners(ctx, &out, &h); err != nil {
			return api.Status{}, err
		}
	}
	out.Summary, out.Steps = s.summary(&out, &h), steps(&out, &h)
	return out, nil
}

// statusEntry hides the entry while pending: that an entry of the same
// identity is listed is for the admin to tell.
func statusEntry(reg store.Registration) string {
	if reg.Status == store.Pending {
		return ""
	}
	return reg.Entry
}

// addOwners adds what only the owner sees.
func (s *server) addOwners(ctx context.Context, out *api.Status, h *store.Holding) error {
	now := &h.Server
	if h.Listed != nil {
		now = &h.Listed.Server
	}
	if h.Status == store.Pending && h.Kind == store.KindNew || h.Status == store.Approved {
		out.Server = editOf(now)
	}
	var err error
	if h.Status == store.Pending {
		if out.Proof, err = s.proofOf(ctx, &h.Registration); err != nil {
			return err
		}
	}
	if h.Open != nil {
		out.Open = requestOf(h.Open, now)
		if h.Open.Kind == store.KindEdit {
			out.Open.Proof, err = s.proofOf(ctx, h.Open)
		}
	}
	if h.Newest != nil && !(h.Status == store.Withdrawn && h.Newest.Kind == store.KindWithdrawal) { // the summary says that
		out.Last = requestOf(h.Newest, now)
	}
	return err
}

// requestOf shows what an owner has asked for about an entry.
func requestOf(r *store.Registration, now *serverlist.Server) *api.Request {
	out := &api.Request{
		ID: r.ID, Kind: string(r.Kind), Status: string(r.Status), Revision: r.Revision, Signed: r.Signed,
		Created: r.Created, Updated: r.Updated, Decided: timeOrNil(r.Decided), Reason: r.Reason,
	}
	if r.Status == store.Pending && r.Kind == store.KindEdit {
		out.Changes = changesOf(store.Difference(now, &r.Server))
	}
	return out
}

func changesOf(list []store.FieldChange) (out []api.FieldChange) {
	for _, c := range list {
		out = append(out, api.FieldChange{Field: c.Field, From: c.From, To: c.To})
	}
	return out
}

// editOf returns a server in the form in which an edit is sent.
func editOf(s *serverlist.Server) *api.Edit {
	out := &api.Edit{
		Name: s.Name, Addresses: s.Addresses, Game: s.Game, Description: s.Description, Version: s.Version,
		Region: s.Region, Languages: s.Languages, Tags: s.Tags, Website: s.Website, Key: s.Key,
	}
	for _, e := range s.Endpoints {
		out.Endpoints = append(out.Endpoints, api.Endpoint{Role: e.Role, Protocol: e.Protocol, Address: e.Address})
	}
	if s.Probe != nil {
		out.Probe = &api.Probe{Protocol: s.Probe.Protocol, Port: s.Probe.Port}
	}
	return out
}

// listingOf says where an entry is to be seen.
func (s *server) listingOf(ctx context.Context, e *store.Entry) (*api.Listing, error) {
	state := s.publisher.State(serverlist.TypeServerList)
	out := &api.Listing{EntryID: e.Server.ID, Listed: e.State == store.EntryListed, MirrorURLs: []string{}}
	out.Served = out.Listed && state.Covered >= e.Change
	if state.Document != nil {
		out.Version = state.Document.Version
	}
	first, err := s.store.Shown(ctx, e.FirstChange)
	if errors.Is(err, store.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	out.Since, out.Issued = first.Version, &first.Issued
	return out, s.addMirrors(ctx, out, &first)
}

// addMirrors counts the mirrors that have an edition or a newer one, as the
// watcher has seen them last.
func (s *server) addMirrors(ctx context.Context, out *api.Listing, first *store.Edition) error {
	if !out.Listed {
		return nil
	}
	mirrors, err := s.store.WatchedMirrors(ctx)
	if err != nil {
		return err
	}
	for _, m := range mirrors {
		if !m.Watch.LeftOut.IsZero() {
			continue
		}
		out.Mirrors++
		last := m.Last
		if last.Epoch < first.Epoch || last.Epoch == first.Epoch && last.Version < first.Version {
			continue
		}
		out.MirrorsGot++
		if len(m.Mirror.URLs) > 0 && len(out.MirrorURLs) < maxMirrorURLs {
			out.MirrorURLs = append(out.MirrorURLs, m.Mirror.URLs[0])
		}
	}
	return nil
}

// transferSummary says what has become of a transfer that is not made; "": it
// is.
func transferSummary(h *store.Holding) string {
	switch {
	case h.Kind != store.KindTransfer:
	case h.Status == store.Pending:
		return "The entry is still its former owner's: an admin has to agree to the transfer, and has not decided yet."
	case h.Status == store.Rejected:
		return "The entry stays its former owner's: an admin has turned the transfer down."
	case h.Status == store.Withdrawn && (h.Listed == nil || h.Listed.State != store.EntryRevoked):
		return "The entry stays its former owner's: the transfer was taken back."
	}
	return ""
}

// summary answers why a server is listed, or is not.
func (s *server) summary(out *api.Status, h *store.Holding) string {
	if text := transferSummary(h); text != "" {
		return text
	}
	switch h.Status {
	case store.Pending:
		return "The server is not listed yet: an admin decides, by hand, and has not done so. Sending the request again does not make it faster."
	case store.Rejected:
		return "The server is not listed through this request: an admin has turned it down."
	case store.Revoked:
		return "The server is not listed any more: an admin has taken it out of the list."
	case store.Withdrawn:
		if h.Listed == nil {
			return "The server is not listed through this request: its sender has taken it back before anybody decided."
		}
		return "The server is not listed any more: its owner has withdrawn it."
	}
	if h.Listed != nil && h.Listed.Suspended != nil {
		return suspendedSummary(h.Listed.Suspended)
	}
	if out.Listing == nil {
		return "The request was approved."
	}
	return s.listedSummary(out.Listing)
}

func (s *server) listedSummary(l *api.Listing) string {
	switch {
	case l.Since == 0 && !l.Served:
		text := "The server is approved, and the next edition of the list shows it; that takes some seconds."
		if s.publisher.State(serverlist.TypeServerList).Err != nil {
			text = "The server is approved, but the root cannot publish its list at the moment; its admins see why. It tries again by itself."
		}
		return text
	case l.Since == 0:
		return fmt.Sprintf("The server is listed as %s. The list is of edition %d.", l.EntryID, l.Version)
	}
	text := fmt.Sprintf("The server is listed as %s, in server.list since edition %d (%s). %s", l.EntryID, l.Since, l.Issued.Format("2006-01-02 15:04 MST"), mirrorsText(l))
	if !l.Served {
		text += " Its newest change follows with the next edition."
	}
	return text
}

func mirrorsText(l *api.Listing) string {
	switch {
	case l.Mirrors == 0:
		return "There are no mirrors beside the root."
	case l.MirrorsGot == l.Mirrors && l.Mirrors == 1:
		return "The one mirror has it."
	case l.MirrorsGot == l.Mirrors:
		return fmt.Sprintf("All %d mirrors have it.", l.Mirrors)
	}
	return fmt.Sprintf("%d of %d mirrors have it, as the root saw them last; the others follow on their own schedule.", l.MirrorsGot, l.Mirrors)
}

// steps says what can be done.
func steps(out *api.Status, h *store.Holding) []string {
	all := []string{}
	switch {
	case h.Status != store.Pending && transferSummary(h) != "": // it was not made
		return append(all, "Its owner may offer the entry again.")
	case h.Status == store.Withdrawn:
		return append(all, "To be listed again, send a new request.")
	case h.Status == store.Rejected, h.Status == store.Revoked:
		return append(all, "To be listed after all, put right what the reason names, and send a new request.")
	case !h.Owner && h.Kind == store.KindNew:
		return append(all, "This URL shows the state only. What changes something is the URL that the first request got, or, for an entry that was transferred, its new owner's.")
	case h.Status == store.Pending && h.Kind == store.KindNew:
		all = append(all, `Change the request with "metaserver register edit", or take it back with "metaserver register withdraw".`)
		if out.Proof != nil && len(out.Proof.Proven) == 0 {
			all = append(all, `Nothing shows yet that the address is yours. Nobody has to prove it, and it helps the admin: "metaserver register prove" says how.`)
		}
		return all
	case h.Status == store.Pending:
		return append(all, `Take the request back with "metaserver register withdraw".`)
	}
	if out.Open != nil {
		all = append(all, fmt.Sprintf("An admin has not decided yet about what you asked for (%s, %s). A newer request takes its place.", out.Open.ID, out.Open.Kind))
	}
	return append(all, `Change the entry with "metaserver register edit", move it with "metaserver register move", take it out with "metaserver register withdraw", hand it over with "metaserver register transfer". An admin decides about each.`)
}
