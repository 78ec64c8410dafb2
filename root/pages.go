package root

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/signed-metaserver/metaserver/root/documents"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/web"
)

const htmlType = "text/html; charset=utf-8"

// pageCache is how long browsers may keep what everybody may see.
const pageCache = "public, max-age=60"

// pages are what is made once and sent often. The zero value is ready.
type pages struct {
	list listPages
	api  apiPages

	styleOnce sync.Once
	style     *documents.Static
}

// pageHeaders tells browsers what a page may do: show itself, and send its own
// forms. URLs of status pages are secrets, so that no other site is told the
// URL that somebody came from.
func pageHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", web.Policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// checkPageOrigin refuses forms that another site makes a browser send. There
// is no cookie to abuse, but the sender's address would be counted.
func (s *server) checkPageOrigin(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	if u, err := url.Parse(s.cfg.PublicURL); err == nil && u.Host != "" {
		// A proxy may have given the request another host name.
		_ = cross.AddTrustedOrigin(u.Scheme + "://" + u.Host)
	}
	cross.SetDenyHandler(s.page(func(http.ResponseWriter, *http.Request) error {
		return problem(http.StatusForbidden, "A browser sent this form on behalf of another site. Open the form here and send it again.")
	}))
	return cross.Handler(next)
}

// page turns h into a plain handler whose errors become pages. It is for people
// what [server.handle] is for programs.
func (s *server) page(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		p := problemOf(err)
		if errors.Is(err, store.ErrNotFound) {
			p = problem(http.StatusNotFound, "There is nothing here. The address may be mistyped or cut short, or what was here is forgotten.")
		}
		if p.Status >= 500 && !errors.Is(err, context.Canceled) {
			s.log.Error("a request for a page failed", "method", r.Method, "route", r.Pattern, "err", err)
		}
		view := web.ProblemView{Page: s.webPage(r, http.StatusText(p.Status)), Detail: p.Detail, Errors: p.Errors, RetryAfter: p.RetryAfter}
		if r.Method == http.MethodPost {
			view.Back = &web.Link{Path: strings.TrimSuffix(view.Path, "/check"), Label: "Back"}
		}
		html, err := web.Problem(view)
		setRetry(w.Header(), p.RetryAfter)
		s.sendPage(w, p.Status, html, err)
	}
}

// webPage is what every page of this request has.
func (s *server) webPage(r *http.Request, title string) web.Page {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if path == "" {
		path = "./"
	}
	return web.Page{Origin: s.origin, Title: title, Path: path, Base: web.Up(r.URL.Path)}
}

// sendPage sends a page that no cache may keep. err is that of making it.
func (s *server) sendPage(w http.ResponseWriter, status int, html []byte, err error) error {
	h := w.Header()
	if err != nil {
		s.log.Error("a page could not be made", "err", err)
		http.Error(w, "The root failed to make this page; the cause is in its log.", http.StatusInternalServerError)
		return nil
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("Content-Type", htmlType)
	w.WriteHeader(status)
	w.Write(html)
	return nil
}

func (s *server) styleSheet(w http.ResponseWriter, r *http.Request) {
	p := &s.pages
	p.styleOnce.Do(func() { p.style = documents.NewStatic("text/css; charset=utf-8", web.StyleSheet) })
	p.style.Serve(w, r, documents.TrustCache)
}

// baseURL is the root as the world sees it, for commands that people copy. The
// Host header is the sender's word and is not repeated.
func (s *server) baseURL() string {
	if s.cfg.PublicURL != "" {
		return s.cfg.PublicURL
	}
	return "https://" + s.origin + "/"
}

// now is the time of a request.
func (s *server) now() time.Time { return s.cfg.Now() }
