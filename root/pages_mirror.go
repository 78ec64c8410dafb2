package root

import (
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/web"
)

// mirrorPage is the form that lends a mirror, empty.
func (s *server) mirrorPage(w http.ResponseWriter, r *http.Request) error {
	return s.sendForm(w, http.StatusOK, s.mirrorForm(r))
}

func (s *server) mirrorForm(r *http.Request) web.Form {
	return web.Form{
		Page: s.webPage(r, "Lend a mirror"), Heading: "Lend a mirror", Button: "Send the request", Action: "mirror",
		Intro: "A mirror is web space on which you publish the list as it is here, so that players find servers when this root is away. " +
			"The list is signed, so nobody has to trust the mirror. Publish to it first, as by \"metaserver mirror once\"; then an admin looks at it. " +
			"You get the address of a page that says what has become of your request.",
		Links:  []web.Link{{Path: "register", Label: "Register a server instead"}},
		Fields: web.MirrorFields(),
	}
}

// mirrorByForm takes the form the way of any request of a mirror.
func (s *server) mirrorByForm(w http.ResponseWriter, r *http.Request) error {
	src := s.proxies.SourceOf(r)
	exempt, limited := s.admit(src)
	values, err := readForm(w, r)
	if err != nil {
		return err
	}
	req := web.MirrorRequest(values)
	var accepted api.Accepted
	if err = limited; err == nil {
		accepted, err = s.acceptMirror(r.Context(), &req, bodyForm{}, src, exempt)
	}
	if err != nil {
		return s.refuseForm(w, s.mirrorForm(r), values, err)
	}
	return toNewStatus(w, r, accepted)
}

// mirrorStatusPage is [server.mirrorStatus] for people.
func (s *server) mirrorStatusPage(w http.ResponseWriter, r *http.Request) error {
	status, err := s.mirrorStatusOf(r.Context(), chi.URLParam(r, "id"), chi.URLParam(r, "token"))
	if err != nil {
		return err
	}
	page := s.secretPage(w, r, "Mirror "+status.Mirror)
	view := s.mirrorView(&status)
	view.Page = page
	view.Forms = []web.Action{{ID: "again", Heading: "Change it", Action: page.Base + "register/mirror", Method: "get", Button: "Open the form",
		Text: "Send the form again with the same id and the same e-mail address. A request that waits is changed at once; of a mirror in the list an admin decides again."}}
	html, err := web.Status(view)
	return s.sendPage(w, http.StatusOK, html, err)
}

// mirrorView puts the status of a mirror into words.
func (s *server) mirrorView(status *api.MirrorStatus) web.StatusView {
	v := web.StatusView{Name: "Mirror " + status.Mirror, State: status.Status, Reason: status.Reason}
	v.Headline, v.Explanation = s.mirrorHeadline(status)
	if v.State == string(store.Approved) && !status.InList { // the colour
		v.State = string(store.Pending)
	}
	if status.State != "" {
		section := web.Section{Heading: "What the root sees there", Lines: []string{mirrorStates[store.MirrorState(status.State)]}}
		if status.LastError != "" {
			section.Items = []string{status.LastError}
		}
		v.Sections = append(v.Sections, section)
	}
	v.Details = []web.Detail{{Term: "Request", Text: status.ID, Code: true}}
	for _, u := range status.URLs {
		v.Details = append(v.Details, web.Detail{Term: "URL", Text: u, Code: true})
	}
	v.Details = append(v.Details, whenDetails(status.Created, status.Updated, status.Decided)...)
	if status.LeftOut != nil {
		v.Details = append(v.Details, web.Detail{Term: "Left out", At: *status.LeftOut})
	}
	if status.Checked != nil {
		v.Details = append(v.Details, web.Detail{Term: "Looked at", At: *status.Checked})
	}
	return v
}

// mirrorHeadline says a state in a few words, and what it means.
func (s *server) mirrorHeadline(status *api.MirrorStatus) (headline, explanation string) {
	switch {
	case status.Status == string(store.Pending):
		return fmt.Sprintf("It waits for an admin, for %s now.", web.Age(s.now().Sub(status.Updated))),
			"An admin decides, by hand, and sees whether clients would find the list there. Sending the request again does not make it faster."
	case status.Status == string(store.Rejected):
		return "It is rejected.", "To be listed after all, put right what the reason names, and send a new request."
	case status.InList:
		return "It is in the mirror list.", "Clients know it, and fetch the list from it as from any other mirror."
	case status.LeftOut != nil:
		return "It is left out of the mirror list.", "Clients got nothing useful there for too long. It comes back by itself when it has been well for some hours; nobody has to be asked."
	case status.State != "":
		return "It is accepted.", "The next mirror list has it."
	}
	return "It was accepted, and is no mirror any more.", "An admin has removed it, or another request has taken its place."
}

// mirrorStates say in words what the watcher has found.
var mirrorStates = map[store.MirrorState]string{
	store.MirrorNew:         "Nobody has looked yet.",
	store.MirrorWell:        "It is well: it has the newest edition.",
	store.MirrorBehind:      "It has an older edition that is still fresh. It takes over the newest one when it runs again.",
	store.MirrorIncomplete:  "Its lists are right, but it lacks a trust document, without which clients cannot follow a change of keys.",
	store.MirrorStale:       "It has an edition that is no longer fresh, while there is a newer one: does its job still run?",
	store.MirrorUnreachable: "It does not answer, or not with the list.",
	store.MirrorWrong:       "What it serves does not verify as the list of this root.",
	store.MirrorForked:      "It serves a signed document that this root has never published under that number.",
}
