package root

import (
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/web"
)

// editPage is the form of a registration, filled with what is there.
func (s *server) editPage(w http.ResponseWriter, r *http.Request) error {
	status, err := s.ownStatus(r)
	if err != nil {
		return err
	}
	form := s.editForm(w, r, status)
	form.Fill(web.ServerValues(api.RegistrationRequest(*status.Server)), nil)
	return s.sendForm(w, http.StatusOK, form)
}

// ownStatus returns what the owner of a secret URL may change.
func (s *server) ownStatus(r *http.Request) (*api.Status, error) {
	status, err := s.statusOf(r.Context(), chi.URLParam(r, "id"), chi.URLParam(r, "token"))
	switch {
	case err != nil:
		return nil, err
	case !status.Owner:
		return nil, ownerProblem(store.ErrNotOwner)
	case status.Server == nil:
		return nil, problem(http.StatusConflict, "There is nothing to change any more: %s", status.Summary)
	}
	return &status, nil
}

func (s *server) editForm(w http.ResponseWriter, r *http.Request, status *api.Status) web.Form {
	return web.Form{
		Page: s.secretPage(w, r, "Change "+status.Name), Heading: "Change " + status.Name, Button: "Send the change", Action: "edit",
		Intro:  "What is here is what is known. Change what shall be different; leave the e-mail address empty to keep it.",
		Fields: web.EditFields(s.cfg.Games, status.Server.Game),
	}
}

func (s *server) editByForm(w http.ResponseWriter, r *http.Request) error {
	src, token, limited := s.secretOf(w, r)
	values, err := readForm(w, r)
	if err != nil {
		return err
	}
	status, err := s.ownStatus(r)
	if err != nil {
		return err
	}
	// What the form does not ask for stays as it is.
	edit := api.Edit(web.ServerRequest(values))
	edit.Endpoints, edit.Probe = status.Server.Endpoints, status.Server.Probe
	if err = limited; err == nil {
		_, err = s.editAs(r.Context(), chi.URLParam(r, "id"), token, &edit, bodyForm{}, src)
	}
	if err != nil {
		return s.refuseForm(w, s.editForm(w, r, status), values, err)
	}
	return toStatus(w, r)
}

// toStatus leads back from a form to its status page.
func toStatus(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Location", "../"+url.PathEscape(chi.URLParam(r, "token")))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// withdrawPage asks once more: a link must not take anything away.
func (s *server) withdrawPage(w http.ResponseWriter, r *http.Request) error {
	status, err := s.ownStatus(r)
	if err != nil {
		return err
	}
	intro := "The request is taken back at once."
	if status.Listing != nil {
		intro = "The server leaves the list when an admin has agreed. Its id is never given again."
	}
	return s.sendForm(w, http.StatusOK, web.Form{
		Page: s.secretPage(w, r, "Withdraw "+status.Name), Heading: "Withdraw " + status.Name, Button: "Withdraw it", Action: "withdraw", Intro: intro,
	})
}

func (s *server) withdrawByForm(w http.ResponseWriter, r *http.Request) error {
	src, token, err := s.secretOf(w, r)
	if err != nil {
		return err
	}
	if _, err := s.withdrawAs(r.Context(), chi.URLParam(r, "id"), token, src); err != nil {
		return err
	}
	return toStatus(w, r)
}

// checkByForm looks for the proof, and shows what was found.
func (s *server) checkByForm(w http.ResponseWriter, r *http.Request) error {
	src, token, err := s.secretOf(w, r)
	if err != nil {
		return err
	}
	checked, err := s.checkOwn(r.Context(), chi.URLParam(r, "id"), token, src)
	if err != nil {
		return err
	}
	return s.sendStatus(w, r, &checked)
}
