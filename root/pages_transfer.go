package root

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/web"
)

// ownEntry is ownStatus of what is listed.
func (s *server) ownEntry(r *http.Request) (*api.Status, error) {
	status, err := s.ownStatus(r)
	if err == nil && status.Listing == nil {
		err = problem(http.StatusConflict, "There is nothing to hand over yet: only an entry that an admin has approved can have another owner.")
	}
	return status, err
}

// transferPage asks who the new owner is.
func (s *server) transferPage(w http.ResponseWriter, r *http.Request) error {
	status, err := s.ownEntry(r)
	if err != nil {
		return err
	}
	return s.sendForm(w, http.StatusOK, s.transferForm(w, r, status))
}

func (s *server) transferForm(w http.ResponseWriter, r *http.Request, status *api.Status) web.Form {
	title := "Hand over " + status.Name
	return web.Form{
		Page: s.secretPage(w, r, title), Heading: title, Button: "Offer it", Action: "transfer",
		Intro: "You get a link for the new owner, who asks for the entry with it. It stays yours until an admin has agreed; from then on your status page " +
			"shows the state only. An offer is good for a week, and a newer one takes its place.",
		Fields: web.OfferFields(),
	}
}

// offerByForm shows the link for the new owner, once.
func (s *server) offerByForm(w http.ResponseWriter, r *http.Request) error {
	_, token, limited := s.secretOf(w, r)
	values, err := readForm(w, r)
	if err != nil {
		return err
	}
	status, err := s.ownEntry(r)
	if err != nil {
		return err
	}
	req := web.OfferRequest(values)
	var offer api.Offered
	if err = limited; err == nil {
		offer, err = s.offerAs(r.Context(), status.ID, token, req)
	}
	if err != nil {
		return s.refuseForm(w, s.transferForm(w, r, status), values, err)
	}
	link := offer.URL
	if strings.HasPrefix(link, "/") {
		link = strings.TrimSuffix(s.baseURL(), "/") + link
	}
	html, err := web.Offered(web.OfferView{
		Page: s.secretPage(w, r, status.Name+" is offered"), Name: status.Name, To: req.Email, URL: link, Expires: offer.Expires,
		Back: url.PathEscape(chi.URLParam(r, "token")),
	})
	return s.sendPage(w, http.StatusOK, html, err)
}

// takeOverPage asks whom an entry was offered to.
func (s *server) takeOverPage(w http.ResponseWriter, r *http.Request) error {
	offer, err := s.handoverOf(r)
	if err != nil {
		return err
	}
	return s.sendForm(w, http.StatusOK, s.takeOverForm(w, r, &offer))
}

func (s *server) takeOverForm(w http.ResponseWriter, r *http.Request, offer *api.Handover) web.Form {
	title := "Take over " + offer.Name
	return web.Form{
		Page: s.secretPage(w, r, title), Heading: title, Button: "Ask for it", Action: url.PathEscape(chi.URLParam(r, "token")),
		Intro: fmt.Sprintf("The owner of %s (%s) offers it to you until %s. An admin decides. You get the address of a page of your own; "+
			"when the admin has agreed the entry is changed, withdrawn and handed over there, and by nobody else.",
			offer.EntryID, strings.Join(offer.Addresses, ", "), web.Time(offer.Expires)),
		Fields: web.TakeOverFields(),
	}
}

func (s *server) takeOverByForm(w http.ResponseWriter, r *http.Request) error {
	src, token, limited := s.secretOf(w, r)
	values, err := readForm(w, r)
	if err != nil {
		return err
	}
	offer, err := s.handoverOf(r)
	if err != nil {
		return err
	}
	var accepted api.Accepted
	if err = limited; err == nil {
		accepted, err = s.takeOverAs(r.Context(), offer.EntryID, token, web.TakeOverRequest(values), src)
	}
	if err != nil {
		return s.refuseForm(w, s.takeOverForm(w, r, &offer), values, err)
	}
	return toNewStatus(w, r, accepted)
}
