package root

import (
	"net/http"
	"sync"

	"github.com/signed-metaserver/metaserver/root/documents"
	"github.com/signed-metaserver/metaserver/root/openapi"
	"github.com/signed-metaserver/metaserver/root/web"
)

// An apiPages holds what describes the API, each made when it is asked for
// first. The zero value is ready.
type apiPages struct {
	publicOnce, allOnce, pageOnce sync.Once
	public, all, page             *documents.Static
	err                           error // of making the page
}

const jsonType = "application/json"

// description serves the OpenAPI document of the public API.
func (s *server) description(w http.ResponseWriter, r *http.Request) {
	p := &s.pages.api
	p.publicOnce.Do(func() { p.public = documents.NewStatic(jsonType, openapi.Public) })
	p.public.Serve(w, r, pageCache)
}

// wholeDescription serves that of the whole API, to admins.
func (s *server) wholeDescription(w http.ResponseWriter, r *http.Request) error {
	p := &s.pages.api
	p.allOnce.Do(func() { p.all = documents.NewStatic(jsonType, openapi.All) })
	p.all.Serve(w, r, "private, max-age=60")
	return nil
}

// apiPage shows the description to people.
func (s *server) apiPage(w http.ResponseWriter, r *http.Request) error {
	p := &s.pages.api
	p.pageOnce.Do(func() {
		var html []byte
		html, p.err = web.API(s.webPage(r, "API"), openapi.Public)
		p.page = documents.NewStatic(htmlType, html)
	})
	if p.err != nil {
		return p.err
	}
	p.page.Serve(w, r, pageCache)
	return nil
}
