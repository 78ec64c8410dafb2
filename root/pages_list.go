package root

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/documents"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/web"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Bounds of what the pages of the list cost.
const (
	keptPages = 64 // that are made already
	searches  = 2  // at once
)

// listPages makes the pages of the list, each once for an edition and its age.
// The zero value is ready.
type listPages struct {
	mu        sync.Mutex
	of        *issue.Document // the edition that the rest is made from
	catalogue *web.Catalogue
	made      map[int]madePage // by number

	searchOnce sync.Once
	seats      chan struct{} // holds one element for every search that runs
}

// A madePage holds for as long as it would say the same.
type madePage struct {
	said string
	page *documents.Static
}

// listPage shows the list that is served, and nothing else.
func (s *server) listPage(w http.ResponseWriter, r *http.Request) error {
	query, number, err := listQuery(r)
	if err != nil {
		return err
	}
	view := web.ListView{
		Page: s.webPage(r, "Servers"), URL: s.baseURL(), Query: query, Number: number, Now: s.now(),
	}
	doc, trust := s.publisher.Document(issue.ServerListName), s.publisher.Trust()
	if doc == nil || len(trust) == 0 {
		html, err := web.EmptyList(view)
		return s.sendPage(w, http.StatusOK, html, err)
	}
	view.TrustSHA256 = fmt.Sprintf("%x", trust[len(trust)-1].SHA256())
	for _, d := range s.publisher.Documents() {
		view.Documents = append(view.Documents, web.Document{Name: d.Name, Version: d.Version, Bytes: len(d.Bytes)})
	}
	if query != "" {
		return s.searchPage(w, r, doc, trust, view)
	}
	page, err := s.pages.list.page(doc, s.origin, trust, view)
	if err != nil {
		return err
	}
	page.Serve(w, r, pageCache)
	return nil
}

// listQuery reads what of the list is wanted.
func listQuery(r *http.Request) (query string, number int, err error) {
	values := r.URL.Query()
	query = values.Get("q")
	if len(query) > web.MaxQuery {
		return "", 0, problem(http.StatusBadRequest, "The search has %d bytes, more than %d.", len(query), web.MaxQuery)
	}
	number = 1
	if text := values.Get("page"); text != "" {
		if number, err = strconv.Atoi(text); err != nil {
			return "", 0, errNoPage
		}
	}
	return query, number, nil
}

var errNoPage error = problem(http.StatusNotFound, "The list has no page of this number.")

// page returns one page of the whole list.
func (p *listPages) page(doc *issue.Document, origin string, trust []*keys.Trust, view web.ListView) (*documents.Static, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.open(doc, origin, trust)
	if err != nil {
		return nil, err
	}
	said := c.Changing(view)
	if made, ok := p.made[view.Number]; ok && made.said == said {
		return made.page, nil
	}
	html, err := c.List(view)
	switch {
	case err != nil:
		return nil, err
	case html == nil:
		return nil, errNoPage
	}
	if len(p.made) >= keptPages {
		clear(p.made) // whoever turns all pages makes them anew
	}
	page := documents.NewStatic(htmlType, html)
	p.made[view.Number] = madePage{said, page}
	return page, nil
}

// open returns the catalogue of an edition. It verifies the document as every
// reader does, so that no page shows what is not signed.
func (p *listPages) open(doc *issue.Document, origin string, trust []*keys.Trust) (*web.Catalogue, error) {
	if p.of == doc {
		return p.catalogue, nil
	}
	list, err := openServed(doc, origin, trust)
	if err != nil {
		return nil, fmt.Errorf("reading the list that is served: %w", err)
	}
	p.of, p.catalogue, p.made = doc, web.NewCatalogue(list), make(map[int]madePage)
	return p.catalogue, nil
}

func openServed(doc *issue.Document, origin string, trust []*keys.Trust) (*serverlist.List, error) {
	chain, err := keys.NewChain(trust[0].Bytes())
	for _, t := range trust[1:] {
		if err != nil {
			return nil, err
		}
		chain, err = chain.Extend(t.Bytes())
	}
	if err != nil {
		return nil, err
	}
	return serverlist.Open(doc.Bytes, serverlist.Want{Origin: origin, Type: doc.Type}, chain)
}

// searchPage shows what a search finds. Few run at once, so that searching
// takes nothing from those who fetch lists.
func (s *server) searchPage(w http.ResponseWriter, r *http.Request, doc *issue.Document, trust []*keys.Trust, view web.ListView) error {
	p := &s.pages.list
	leave, err := p.enter(r.Context())
	if err != nil {
		return err
	}
	defer leave()
	p.mu.Lock()
	c, err := p.open(doc, s.origin, trust)
	p.mu.Unlock()
	if err != nil {
		return err
	}
	html, err := c.List(view)
	if err == nil && html == nil {
		return errNoPage
	}
	return s.sendPage(w, http.StatusOK, html, err)
}

// enter waits for a seat among those who search.
func (p *listPages) enter(ctx context.Context) (leave func(), err error) {
	p.searchOnce.Do(func() { p.seats = make(chan struct{}, searches) })
	select {
	case p.seats <- struct{}{}:
		return func() { <-p.seats }, nil
	case <-ctx.Done():
		return nil, errors.Join(errBusy, ctx.Err())
	}
}

var errBusy error = problem(http.StatusServiceUnavailable, "The root is busy; try again in a moment.")
