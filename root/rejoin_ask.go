package root

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A foundList is the newest list of its type that a mirror had.
type foundList struct {
	name   string
	url    string // of the mirror
	list   *serverlist.List
	backup int64 // version in the backup; 0: none
}

// ask asks mirrors, all at once: for trust documents first, since the lists of
// each may hold under those of another only.
func (j *rejoining) ask(ctx context.Context, urls []string, found map[string]*foundList) error {
	asked := make([]AskedMirror, len(urls))
	chains := make([]*keys.Chain, len(urls))
	err := each(ctx, urls, func(ctx context.Context, i int) {
		asked[i].URL = urls[i]
		f := j.fetcherFor(urls[i])
		defer f.CloseIdleConnections()
		var err error
		chains[i], _, err = f.Extend(ctx, urls[i], j.chain)
		if asked[i].Trust = chains[i].Newest().Version; err != nil {
			asked[i].Problem = err.Error()
		}
	})
	if err != nil {
		return err
	}
	for i, chain := range chains {
		if err := j.follow(chain, urls[i]); err != nil {
			return err
		}
	}
	lists := make([]map[string]*serverlist.List, len(urls))
	err = each(ctx, urls, func(ctx context.Context, i int) {
		f := j.fetcherFor(urls[i])
		defer f.CloseIdleConnections()
		lists[i] = j.lists(ctx, f, &asked[i], found)
	})
	if err != nil {
		return err
	}
	for i, got := range lists {
		if err := take(found, got, urls[i]); err != nil {
			return err
		}
	}
	j.out.Asked = append(j.out.Asked, asked...)
	return nil
}

// each runs a function for each URL, eight at a time, each with a time of its
// own.
func each(ctx context.Context, urls []string, run func(ctx context.Context, i int)) error {
	var g errgroup.Group
	g.SetLimit(8)
	for i := range urls {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, rejoinAsk)
			defer cancel()
			run(ctx, i)
			return nil
		})
	}
	g.Wait()
	return context.Cause(ctx)
}

// follow takes over a longer chain, and refuses one that parts from the
// longest.
func (j *rejoining) follow(chain *keys.Chain, from string) error {
	ours, theirs := j.chain.Documents(), chain.Documents()
	for i := range min(len(ours), len(theirs)) {
		if !bytes.Equal(ours[i].Text(), theirs[i].Text()) {
			return &ForkError{fmt.Sprintf("trust document %d at %s is signed and is another than that of the backup or of another mirror", ours[i].Version, from)}
		}
	}
	if len(theirs) > len(ours) {
		j.chain = chain
	}
	return nil
}

// lists gets the lists of a mirror that are newer than what was found before,
// and notes what it has.
func (j *rejoining) lists(ctx context.Context, f *serverlist.Fetcher, asked *AskedMirror, found map[string]*foundList) map[string]*serverlist.List {
	got := make(map[string]*serverlist.List)
	for _, typ := range listTypes {
		want := serverlist.Want{Origin: j.chain.Origin(), Type: typ}
		place, err := serverlist.DocumentURL(asked.URL, filepath.Base(j.d.published(typ)))
		if err != nil {
			asked.Problem = err.Error()
			continue
		}
		note, err := f.Head(ctx, place, want, j.chain)
		if err == nil && typ == serverlist.TypeServerList {
			asked.Version, asked.Epoch, asked.Problem = note.Head.Version, note.Head.Epoch, ""
		}
		if err == nil && (found[typ] == nil || serverlist.CompareHeads(&note.Head, &found[typ].list.Head) > 0) {
			got[typ], err = f.List(ctx, place, want, j.chain, nil)
		}
		if err != nil {
			delete(got, typ)
			asked.Problem = err.Error()
		}
	}
	return got
}

// take keeps the newest of each type.
func take(found map[string]*foundList, got map[string]*serverlist.List, from string) error {
	for typ, l := range got {
		have := found[typ]
		order := 1
		if have != nil {
			order = serverlist.CompareHeads(&l.Head, &have.list.Head)
		}
		if order == 0 && !bytes.Equal(l.Text(), have.list.Text()) {
			return &ForkError{fmt.Sprintf("version %d of %s at %s and at %s are different", l.Head.Version, typ, from, have.url)}
		}
		if order > 0 {
			found[typ] = &foundList{name: filepath.Base(folder("").published(typ)), url: from, list: l}
		}
	}
	return nil
}
