package root

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/web"
)

// maxForm is the size of the largest body of a form, in bytes: that of a JSON
// request, when every byte of it is written as three.
const maxForm = 3 * maxBody

// registerPage is the form, empty.
func (s *server) registerPage(w http.ResponseWriter, r *http.Request) error {
	return s.sendForm(w, http.StatusOK, s.registerForm(r))
}

func (s *server) registerForm(r *http.Request) web.Form {
	return web.Form{
		Page: s.webPage(r, "Register a server"), Heading: "Register a server", Button: "Send the request", Action: "register",
		Intro:  "An admin looks at every request. You get the address of a page that says what has become of yours.",
		Links:  []web.Link{{Path: "register/mirror", Label: "Lend a mirror instead: a place from which players fetch the list"}},
		Fields: web.ServerFields(s.cfg.Games),
	}
}

// registerByForm takes the form the way of any request; what is wrong is shown
// beside the fields, with everything that was typed.
func (s *server) registerByForm(w http.ResponseWriter, r *http.Request) error {
	src := s.proxies.SourceOf(r)
	exempt, limited := s.admit(src)
	values, err := readForm(w, r)
	if err != nil {
		return err
	}
	req := web.ServerRequest(values)
	var accepted api.Accepted
	if err = limited; err == nil {
		accepted, err = s.accept(r.Context(), &req, bodyForm{}, src, exempt)
	}
	if err != nil {
		return s.refuseForm(w, s.registerForm(r), values, err)
	}
	return toNewStatus(w, r, accepted)
}

// toNewStatus leads on from a form to the status page of what it has asked for.
// The address is relative, so that it holds behind a proxy that adds folders of its
// own.
func toNewStatus(w http.ResponseWriter, r *http.Request, accepted api.Accepted) error {
	w.Header().Set("Location", web.Up(r.URL.Path)+"status/"+accepted.ID+"/"+path.Base(accepted.StatusURL))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// refuseForm shows a form again. What is not the sender's fault is left to the
// caller.
func (s *server) refuseForm(w http.ResponseWriter, form web.Form, values url.Values, err error) error {
	p := problemOf(err)
	switch p.Status {
	case http.StatusUnprocessableEntity, http.StatusConflict, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable:
	default:
		return err
	}
	if len(p.Errors) == 0 {
		form.Notice = p.Detail
	}
	form.Fill(values, p.Errors)
	if wait := web.Wait(p.RetryAfter); wait != "" {
		form.Notice += " Try again in " + wait + "."
	}
	setRetry(w.Header(), p.RetryAfter)
	return s.sendForm(w, p.Status, form)
}

func (s *server) sendForm(w http.ResponseWriter, status int, form web.Form) error {
	html, err := form.Render()
	return s.sendPage(w, status, html, err)
}

// readForm reads the body of a form within its limit.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != "application/x-www-form-urlencoded" || r.Header.Get("Content-Encoding") != "" {
		return nil, problem(http.StatusUnsupportedMediaType, "This address takes what its form sends. Programs use the API, which /api/ describes.")
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		w.Header().Set("Connection", "close")
		return nil, problem(http.StatusRequestEntityTooLarge, "Nothing was stored: the form is larger than %d bytes. Shorten what you have written.", maxForm)
	}
	if err != nil {
		return nil, readError(err)
	}
	values, err := url.ParseQuery(string(data))
	if err != nil {
		return nil, problem(http.StatusBadRequest, "Nothing was stored: the form did not arrive as browsers send one.")
	}
	return values, nil
}
