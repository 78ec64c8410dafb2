package rejoin

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A placeOf is where an edition stands: there must be only one of each.
type placeOf struct {
	typ            string
	epoch, version int64
}

// A shownHead is the head of an edition, and who has it.
type shownHead struct {
	note *keys.Note
	urls []string // of mirrors; "": the root itself
}

// A foundList is a list that is newer than what the root has.
type foundList struct {
	url  string // of the mirror
	list *serverlist.List
}

// askedAtOnce is how many mirrors are asked at the same time: enough that those
// which do not answer do not hold up the others.
const askedAtOnce = 64

// An inquiry is what one mirror has answered.
type inquiry struct {
	asked AskedMirror
	chain *keys.Chain
	notes map[string]*keys.Note // heads of its lists, by type
}

// ask asks mirrors, all at once, for their trust documents and then for the
// heads of their lists. Where another mirror has more trust documents, the lists
// that did not verify are looked at again under those.
func (j *rejoining) ask(ctx context.Context, urls []string) error {
	all := make([]inquiry, len(urls))
	j.each(ctx, len(urls), func(ctx context.Context, i int) {
		all[i] = inquiry{asked: AskedMirror{URL: urls[i]}, notes: make(map[string]*keys.Note)}
		f := j.fetcherFor(urls[i])
		defer f.CloseIdleConnections()
		var err error
		all[i].chain, _, err = f.Extend(ctx, urls[i], j.chain)
		all[i].asked.Trust = all[i].chain.Newest().Version
		all[i].heads(ctx, f)
		if err != nil && all[i].asked.Problem == "" {
			all[i].asked.Problem = err.Error()
		}
	})
	for _, q := range all {
		if err := j.follow(q.chain, q.asked.URL); err != nil {
			return err
		}
	}
	j.each(ctx, len(urls), func(ctx context.Context, i int) {
		if len(all[i].notes) == len(listTypes) || all[i].chain.Newest().Version == j.chain.Newest().Version {
			return
		}
		f := j.fetcherFor(urls[i])
		defer f.CloseIdleConnections()
		all[i].chain = j.chain
		all[i].heads(ctx, f)
	})
	for _, q := range all {
		for _, n := range q.notes {
			if err := j.see(n, q.asked.URL); err != nil {
				return err
			}
		}
		j.out.Asked = append(j.out.Asked, q.asked)
	}
	return nil
}

// heads gets the heads of the lists of a mirror.
func (q *inquiry) heads(ctx context.Context, f *serverlist.Fetcher) {
	q.asked.Problem = ""
	for _, typ := range listTypes {
		want := serverlist.Want{Origin: q.chain.Origin(), Type: typ}
		place, err := serverlist.DocumentURL(q.asked.URL, issue.NameOf(typ))
		if err != nil {
			q.asked.Problem = err.Error()
			continue
		}
		note, err := f.Head(ctx, place, want, q.chain)
		if err != nil {
			q.asked.Problem = err.Error()
			continue
		}
		q.notes[typ] = note
		if typ == serverlist.TypeServerList {
			q.asked.Version, q.asked.Epoch = note.Head.Version, note.Head.Epoch
		}
	}
}

// each runs a function for each of n mirrors, each with a time of its own.
func (j *rejoining) each(ctx context.Context, n int, run func(ctx context.Context, i int)) {
	var g errgroup.Group
	g.SetLimit(askedAtOnce)
	for i := range n {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, j.patience.each)
			defer cancel()
			run(ctx, i)
			return nil
		})
	}
	g.Wait()
}

// follow takes over a longer chain, and refuses one that parts from the
// longest.
func (j *rejoining) follow(chain *keys.Chain, from string) error {
	ours, theirs := j.chain.Documents(), chain.Documents()
	for i := range min(len(ours), len(theirs)) {
		if !bytes.Equal(ours[i].Text(), theirs[i].Text()) {
			return &ForkError{fmt.Sprintf("trust document %d at %s is signed and is another than that here or at another mirror", ours[i].Version, from)}
		}
	}
	if len(theirs) > len(ours) {
		j.chain = chain
	}
	return nil
}

// see notes who has an edition, and refuses a second one of the same place.
func (j *rejoining) see(n *keys.Note, url string) error {
	place := placeOf{n.Head.Type, n.Head.Epoch, n.Head.Version}
	have := j.shown[place]
	switch {
	case have == nil:
		j.shown[place] = &shownHead{n, []string{url}}
	case bytes.Equal(have.note.Text, n.Text):
		have.urls = append(have.urls, url)
	case have.urls[0] == "":
		return &ForkError{fmt.Sprintf("version %d of %s at %s is another than that here", n.Head.Version, n.Head.Type, url)}
	default:
		return &ForkError{fmt.Sprintf("version %d of %s at %s and at %s are different", n.Head.Version, n.Head.Type, url, have.urls[0])}
	}
	return nil
}

// An UnreadError says that a mirror shows the signed head of a list that is
// newer than what the root has, and that no mirror gave the list itself.
type UnreadError struct {
	List    string // its type
	Version int64
	URL     string // of a mirror that shows it
	Err     error
}

func (e *UnreadError) Error() string {
	return fmt.Sprintf("%s shows version %d of %s, which is newer than that here, and the list itself could not be had: %v; it is tried again, and \"root serve --alone\" signs without it", e.URL, e.Version, e.List, e.Err)
}

func (e *UnreadError) Unwrap() error { return e.Err }

// fetch gets the newest list of a type, if it is newer than what the root has,
// from one of those who have it.
func (j *rejoining) fetch(ctx context.Context, typ string) error {
	newest := j.held[typ]
	for place, s := range j.shown {
		if place.typ == typ && (newest == nil || serverlist.CompareHeads(&s.note.Head, &newest.Head) > 0) {
			newest = s.note
		}
	}
	if newest == j.held[typ] {
		return nil
	}
	place := placeOf{typ, newest.Head.Epoch, newest.Head.Version}
	if f := j.found[typ]; f != nil && bytes.Equal(f.list.Text(), newest.Text) {
		return nil
	}
	var refused error
	for _, url := range j.shown[place].urls {
		list, err := j.fetchFrom(ctx, url, typ)
		if err == nil && serverlist.CompareHeads(&list.Head, &newest.Head) < 0 {
			err = fmt.Errorf("it gives version %d now", list.Head.Version)
		}
		if err == nil {
			j.found[typ] = &foundList{url, list}
			return nil
		}
		refused = &UnreadError{typ, newest.Head.Version, url, err}
	}
	return refused
}

func (j *rejoining) fetchFrom(ctx context.Context, url, typ string) (*serverlist.List, error) {
	ctx, cancel := context.WithTimeout(ctx, j.patience.list)
	defer cancel()
	f := j.fetcherFor(url)
	defer f.CloseIdleConnections()
	place, err := serverlist.DocumentURL(url, issue.NameOf(typ))
	if err != nil {
		return nil, err
	}
	return f.List(ctx, place, serverlist.Want{Origin: j.chain.Origin(), Type: typ}, j.chain, nil)
}
