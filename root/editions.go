package root

import (
	"context"
	"net/http"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/web"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// shownEditions is how many editions of a list are shown.
const shownEditions = 30

// editions shows how the lists go out: which editions there were, and which of
// them the mirrors have.
func (s *server) editions(w http.ResponseWriter, r *http.Request) error {
	out, err := s.editionsOf(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// editionsPage is [server.editions] for people.
func (s *server) editionsPage(w http.ResponseWriter, r *http.Request) error {
	out, err := s.editionsOf(r.Context())
	if err != nil {
		return err
	}
	html, err := web.Editions(web.EditionsView{Page: s.webPage(r, "Editions"), Shown: out})
	return s.sendPage(w, http.StatusOK, html, err)
}

// editionsOf is what the API and the page show. It holds what is in the lists
// and what anybody can see of the mirrors.
func (s *server) editionsOf(ctx context.Context) (api.Editions, error) {
	out := api.Editions{Origin: s.origin, Mirrors: []api.MirrorEdition{}}
	all, err := s.store.WatchedMirrors(ctx)
	if err != nil {
		return out, err
	}
	newest := s.publisher.Current(serverlist.TypeServerList)
	for _, m := range all {
		if !m.Watch.LeftOut.IsZero() {
			continue
		}
		one := api.MirrorEdition{
			ID: m.Mirror.ID, URL: m.Mirror.URLs[0], State: string(m.Watch.State),
			Version: m.Last.Version, Epoch: m.Last.Epoch, Issued: timeOrNil(m.Last.Issued), Checked: timeOrNil(m.Last.At),
		}
		if newest != nil && !m.Last.Issued.IsZero() {
			one.BehindSeconds = max(0, int64(newest.Issued.Sub(m.Last.Issued)/time.Second))
		}
		out.Mirrors = append(out.Mirrors, one)
	}
	if out.Servers, err = s.editionsOfType(ctx, serverlist.TypeServerList); err != nil {
		return out, err
	}
	for i := range out.Servers {
		out.Servers[i].Mirrors = having(out.Mirrors, &out.Servers[i])
	}
	out.Lists, err = s.editionsOfType(ctx, serverlist.TypeMirrorList)
	return out, err
}

// having counts the mirrors that have an edition or a newer one.
func having(mirrors []api.MirrorEdition, e *api.Edition) (n int) {
	for _, m := range mirrors {
		if m.Epoch > e.Epoch || m.Epoch == e.Epoch && m.Version >= e.Version {
			n++
		}
	}
	return n
}

func (s *server) editionsOfType(ctx context.Context, typ string) ([]api.Edition, error) {
	out := []api.Edition{}
	list, err := s.store.Editions(ctx, typ, shownEditions)
	if err != nil {
		return nil, err
	}
	served := s.publisher.Current(typ)
	for _, e := range list {
		if served == nil || e.Epoch > served.Epoch || e.Epoch == served.Epoch && e.Version > served.Version {
			continue // on its way: nobody can have it yet
		}
		out = append(out, s.editionOf(&e))
	}
	return out, nil
}

func (s *server) editionOf(e *store.Edition) api.Edition {
	out := api.Edition{
		Version: e.Version, Epoch: e.Epoch, Issued: e.Issued,
		AgeSeconds: max(0, int64(s.now().Sub(e.Issued)/time.Second)),
	}
	if e.Entries >= 0 {
		out.Entries = &e.Entries
	}
	return out
}
