package root

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/web"
)

// statusPage is [server.status] and [server.mirrorStatus] for people. The ids of
// requests of mirrors begin with "m".
func (s *server) statusPage(w http.ResponseWriter, r *http.Request) error {
	if strings.HasPrefix(chi.URLParam(r, "id"), "m") {
		return s.mirrorStatusPage(w, r)
	}
	return s.sendStatus(w, r, nil)
}

// sendStatus shows the status of the request that the URL names. checked is
// what was just found of its proofs; nil: nobody has looked.
func (s *server) sendStatus(w http.ResponseWriter, r *http.Request, checked *api.ProofChecked) error {
	status, err := s.statusOf(r.Context(), chi.URLParam(r, "id"), chi.URLParam(r, "token"))
	if err != nil {
		return err
	}
	view := s.statusView(&status)
	view.Page = s.secretPage(w, r, view.Name)
	addOwnerParts(&view, &status, checked, view.Base+"status/"+status.ID+"/"+chi.URLParam(r, "token"))
	html, err := web.Status(view)
	return s.sendPage(w, http.StatusOK, html, err)
}

// secretPage is a page that nobody but the owner of a URL may see.
func (s *server) secretPage(w http.ResponseWriter, r *http.Request, title string) web.Page {
	w.Header().Set("X-Robots-Tag", "noindex")
	p := s.webPage(r, title)
	p.Secret = true
	return p
}

// statusView puts a status into words.
func (s *server) statusView(status *api.Status) web.StatusView {
	v := web.StatusView{Name: status.Name, State: status.Status, Reason: status.Reason, Explanation: status.Summary}
	v.Headline = s.headline(status)
	detail := func(term, text string) {
		if text != "" {
			v.Details = append(v.Details, web.Detail{Term: term, Text: text, Code: true})
		}
	}
	detail("Request", status.ID)
	detail("Entry in the list", status.EntryID)
	v.Details = append(v.Details, whenDetails(status.Created, status.Updated, status.Decided)...)
	if l := status.Listing; l != nil {
		addListing(&v, l)
	}
	if !status.Owner && len(status.Steps) > 0 || status.Status != string(store.Pending) && status.Status != string(store.Approved) {
		v.Sections = append(v.Sections, web.Section{Heading: "What you can do", Lines: status.Steps})
	}
	return v
}

// whenDetails say what happened to a request, and when.
func whenDetails(created, updated time.Time, decided *time.Time) []web.Detail {
	all := []web.Detail{{Term: "Sent", At: created}}
	if !updated.Equal(created) {
		all = append(all, web.Detail{Term: "Sent again", At: updated})
	}
	if decided != nil {
		all = append(all, web.Detail{Term: "Decided", At: *decided})
	}
	return all
}

// headline says a state in a few words.
func (s *server) headline(status *api.Status) string {
	switch store.Status(status.Status) {
	case store.Pending:
		return fmt.Sprintf("It waits for an admin, for %s now.", web.Age(s.now().Sub(status.Updated)))
	case store.Approved:
		if l := status.Listing; l != nil && !l.Listed {
			return "It was approved, and is not in the list now."
		}
		return "It is approved."
	case store.Rejected:
		return "It is rejected."
	case store.Revoked:
		return "It was approved, and taken out of the list later."
	case store.Withdrawn:
		return "It is withdrawn."
	}
	return status.Status
}

// addListing says in which edition the entry appeared, and who has it.
func addListing(v *web.StatusView, l *api.Listing) {
	if l.Since > 0 {
		v.Details = append(v.Details, web.Detail{Term: "First edition that had it", Text: fmt.Sprint(l.Since), Code: true})
	}
	if l.Issued != nil {
		v.Details = append(v.Details, web.Detail{Term: "Issued", At: *l.Issued})
	}
	if l.Version > 0 {
		v.Details = append(v.Details, web.Detail{Term: "Edition that is served now", Text: fmt.Sprint(l.Version), Code: true})
	}
	if l.Mirrors == 0 {
		return
	}
	section := web.Section{
		Heading: "Mirrors",
		Lines:   []string{fmt.Sprintf("%d of %d mirrors have it, as the root saw them last.", l.MirrorsGot, l.Mirrors)},
		Items:   l.MirrorURLs,
	}
	v.Sections = append(v.Sections, section)
}

// addOwnerParts adds what only the owner sees, and may do. self is the path of
// the status page.
func addOwnerParts(v *web.StatusView, status *api.Status, checked *api.ProofChecked, self string) {
	if !status.Owner {
		return
	}
	if r := status.Open; r != nil && r.ID != status.ID {
		v.Sections = append(v.Sections, requestSection("What you have asked for", r))
	}
	if r := status.Last; r != nil && r.ID != status.ID {
		v.Sections = append(v.Sections, requestSection("What was decided last", r))
	}
	proof := status.Proof
	if proof == nil && status.Open != nil {
		proof = status.Open.Proof
	}
	if proof != nil {
		v.Sections = append(v.Sections, proofSection(proof, checked))
		v.Forms = append(v.Forms, web.Action{ID: "check", Heading: "Look for the proof now", Action: self + "/check", Method: "post", Button: "Look now"})
	}
	if status.Server == nil {
		return
	}
	if status.Kind != string(store.KindTransfer) || status.Status == string(store.Approved) {
		v.Forms = append(v.Forms, web.Action{ID: "edit", Heading: "Change it", Action: self + "/edit", Method: "get", Button: "Change it",
			Text: "Another name, address or description. An admin looks at a change of what is listed."})
	}
	if status.Listing != nil {
		v.Forms = append(v.Forms, web.Action{ID: "transfer", Heading: "Hand it over", Action: self + "/transfer", Method: "get", Button: "Hand it over",
			Text: "To somebody else, whom you send a link. It stays yours until they have asked for it and an admin has agreed."})
	}
	v.Forms = append(v.Forms, web.Action{ID: "withdraw", Heading: "Withdraw it", Action: self + "/withdraw", Method: "get", Button: "Withdraw it", Quiet: true,
		Text: "A request that waits is taken back at once. What is listed leaves the list when an admin has agreed."})
}

func requestSection(heading string, r *api.Request) web.Section {
	line := map[string]string{"edit": "A change", "withdrawal": "A withdrawal", "transfer": "A transfer", "new": "A registration"}[r.Kind]
	line += fmt.Sprintf(" (%s): %s.", r.ID, r.Status)
	s := web.Section{Heading: heading, Lines: []string{line}}
	if r.Reason != "" {
		s.Lines = append(s.Lines, "The admin says: "+r.Reason)
	}
	for _, c := range r.Changes {
		s.Items = append(s.Items, fmt.Sprintf("%s: %q becomes %q", c.Field, c.From, c.To))
	}
	return s
}

// proofSection says how control can be shown, and what was found.
func proofSection(p *api.Proof, checked *api.ProofChecked) web.Section {
	s := web.Section{Heading: "Show that the address is yours", Code: p.Record}
	if len(p.Proven) > 0 {
		for _, proven := range p.Proven {
			s.Lines = append(s.Lines, fmt.Sprintf("Shown: %s, by %s.", proven.Subject, proofKinds[proven.Kind]))
		}
	} else {
		s.Lines = append(s.Lines, "Nobody has to, and it helps the admin. Put this line into one of the places below, then let the root look:")
	}
	for _, place := range p.Places {
		if place.TXT != "" {
			s.Items = append(s.Items, "a TXT record of "+place.TXT)
		}
		s.Items = append(s.Items, "the file "+place.URL+", or the same with https")
	}
	for _, address := range p.Ports {
		s.Items = append(s.Items, "the answer to a TCP connection to "+address+`: "metaserver register prove --listen" gives it`)
	}
	if p.Key != "" {
		s.Items = append(s.Items, `a signature by the server's own key: "metaserver register prove" says how`)
	}
	if checked != nil {
		for _, m := range checked.Missing {
			s.Results = append(s.Results, fmt.Sprintf("%s, by %s: %s", m.Subject, proofKinds[m.Kind], strings.TrimSuffix(m.Problem, ".")))
		}
	}
	return s
}

var proofKinds = map[string]string{"dns": "DNS", "http": "a file", "port": "its port", "key": "its key"}
