package root

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/web"
)

// orPage shows people what h tells programs: a browser that opens the secret URL
// of a request or an offer is led to its page in this folder, so that there is one
// URL to keep.
func orPage(folder string, h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Add("Vary", "Accept")
		if !wantsPage(r) {
			return h(w, r)
		}
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Location", web.Up(r.URL.Path)+folder+"/"+url.PathEscape(chi.URLParam(r, "id"))+"/"+url.PathEscape(chi.URLParam(r, "token")))
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
}

// wantsPage says whether a browser asks. Programs name JSON, or nothing.
func wantsPage(r *http.Request) bool {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	return strings.Contains(accept, "text/html") && !strings.Contains(accept, "application/json")
}

// notFoundPage answers what is no route: people by a page, programs by a problem.
func (s *server) notFoundPage(w http.ResponseWriter, r *http.Request) {
	if !wantsPage(r) {
		notFound(w, r)
		return
	}
	pageHeaders(s.page(func(http.ResponseWriter, *http.Request) error { return store.ErrNotFound })).ServeHTTP(w, r)
}
