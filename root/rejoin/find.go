package rejoin

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// A patience is how long mirrors have.
type patience struct {
	each time.Duration // one, to give its trust documents and its heads
	all  time.Duration // all of them together
	list time.Duration // one, to give a list that is newer
}

// rejoinPatience is that of a restored root: nobody is served meanwhile, and
// what it does not see is lost.
var rejoinPatience = patience{each: 30 * time.Second, all: 5 * time.Minute, list: 5 * time.Minute}

// rejoining is one look at the mirrors under way.
type rejoining struct {
	cfg      config.Config
	d        datafolder.Folder
	store    store.Store
	patience patience
	out      *Report
	base     *keys.Chain            // what the root has
	held     map[string]*keys.Note  // the lists that it has, by type
	chain    *keys.Chain            // the longest that was found
	shown    map[placeOf]*shownHead // what mirrors have
	found    map[string]*foundList  // the lists that are newer, by type
	roots    bool                   // the root's own URLs are asked, too: it is not served there now
}

// restored is the look of a root that comes from a backup.
func (j *rejoining) restored(ctx context.Context, mark *Mark) error {
	chain, err := datafolder.LoadChain(j.d)
	if err != nil {
		return err
	}
	j.base, j.chain = chain, chain
	held, err := j.readPublished()
	if err != nil {
		return err
	}
	j.held = make(map[string]*keys.Note)
	for typ, l := range held {
		j.held[typ] = &keys.Note{Head: l.Head, Text: l.Text()}
	}
	urls, err := j.mirrors(ctx, mark.Mirrors, held[serverlist.TypeMirrorList])
	if err != nil {
		return err
	}
	if j.cfg.PublicURL != "" { // where a target's host serves it
		urls = appendURL(urls, j.cfg.PublicURL)
	}
	if err := j.find(ctx, urls); err != nil {
		return err
	}
	if !j.answered() {
		return &NoMirrorError{Made: mark.Made, Asked: j.out.Asked}
	}
	return j.report(ctx)
}

// answered tells whether a mirror gave a list that verifies.
func (j *rejoining) answered() bool {
	return slices.ContainsFunc(j.out.Asked, func(a AskedMirror) bool { return a.Version != 0 })
}

// find asks mirrors and gets the lists that are newer than what the root has.
func (j *rejoining) find(ctx context.Context, urls []string) error {
	asking, cancel := context.WithTimeout(ctx, j.patience.all)
	defer cancel()
	j.shown, j.found = make(map[placeOf]*shownHead), make(map[string]*foundList)
	for _, n := range j.held {
		if err := j.see(n, ""); err != nil {
			return err
		}
	}
	asked := 0
	for range 2 { // once more for mirrors that only the mirrors' list names
		fresh := urls[asked:]
		asked = len(urls)
		if err := j.ask(asking, fresh); err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := j.fetch(ctx, serverlist.TypeMirrorList); err != nil {
			return err
		}
		if l := j.found[serverlist.TypeMirrorList]; l != nil {
			urls = j.appendMirrors(urls, l.list)
		}
	}
	return j.fetch(ctx, serverlist.TypeServerList)
}

// readPublished returns the lists of the backup that verify.
func (j *rejoining) readPublished() (map[string]*serverlist.List, error) {
	held := make(map[string]*serverlist.List)
	for _, typ := range listTypes {
		data, err := os.ReadFile(j.d.Published(issue.NameOf(typ)))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if l := j.openPublished(typ, data); l != nil {
			held[typ] = l
		}
	}
	return held, nil
}

// openPublished returns a list that this root has signed, even if its key was
// revoked since; nil: it does not verify.
func (j *rejoining) openPublished(typ string, data []byte) *serverlist.List {
	want := serverlist.Want{Origin: j.chain.Origin(), Type: typ, Held: keys.Stored, FirstSeen: time.Unix(0, 0)}
	l, err := serverlist.Open(data, want, j.chain)
	if err != nil {
		return nil
	}
	return l
}

var listTypes = []string{serverlist.TypeMirrorList, serverlist.TypeServerList} // in the order of publishing

// mirrors returns the URLs to ask, each once: what the operator named first.
func (j *rejoining) mirrors(ctx context.Context, named []string, published *serverlist.List) ([]string, error) {
	urls := slices.Clone(named)
	watched, _, err := j.store.Mirrors(ctx)
	if err != nil {
		return nil, err
	}
	urls = j.appendMirrors(urls, &serverlist.List{Mirrors: watched})
	if published != nil {
		urls = j.appendMirrors(urls, published)
	}
	for _, t := range j.cfg.Targets {
		if t.PublicURL != "" {
			urls = appendURL(urls, t.PublicURL)
		}
	}
	return urls, nil
}

// appendMirrors adds the URLs of a list.
func (j *rejoining) appendMirrors(urls []string, l *serverlist.List) []string {
	for _, m := range l.Mirrors {
		if m.Root && !j.roots {
			continue
		}
		for _, u := range m.URLs {
			urls = appendURL(urls, u)
		}
	}
	return urls
}

func appendURL(urls []string, u string) []string {
	if slices.Contains(urls, u) {
		return urls
	}
	return append(urls, u)
}

// report says in out what was found.
func (j *rejoining) report(ctx context.Context) error {
	if len(j.chain.Documents()) > len(j.base.Documents()) {
		j.out.Trust = j.chain.Newest().Version
	}
	for _, typ := range listTypes {
		f := j.found[typ]
		if f == nil {
			continue
		}
		l := List{Name: issue.NameOf(typ), File: j.d.Published(issue.NameOf(typ)),
			Version: f.list.Head.Version, Epoch: f.list.Head.Epoch, From: f.url}
		if have := j.held[typ]; have != nil {
			l.Backup = have.Head.Version
		}
		j.out.Lists = append(j.out.Lists, l)
	}
	return j.differences(ctx, j.found[serverlist.TypeServerList])
}

// place puts into the public folder what is newer, in the order in which
// readers need it.
func (j *rejoining) place() error {
	if j.out.Trust > 0 {
		for _, t := range j.chain.Documents()[len(j.base.Documents()):] {
			if err := durable.WriteFile(j.d.Trust(t.Version), t.Bytes(), 0o644); err != nil {
				return err
			}
		}
	}
	for _, typ := range listTypes {
		if f := j.found[typ]; f != nil {
			if err := durable.WriteFile(j.d.Published(issue.NameOf(typ)), f.list.Bytes(), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// differences compares the mirrors' server list with the database.
func (j *rejoining) differences(ctx context.Context, f *foundList) error {
	if f == nil {
		return nil
	}
	there := make(map[string]*serverlist.Server, len(f.list.Servers))
	for i := range f.list.Servers {
		there[f.list.Servers[i].ID] = &f.list.Servers[i]
	}
	_, err := j.store.Listed(ctx, func(id string, line []byte) error {
		s := there[id]
		if s == nil {
			j.out.Extra = append(j.out.Extra, id)
			return nil
		}
		delete(there, id)
		if text, err := s.MarshalJSON(); err != nil || !bytes.Equal(text, line) {
			j.out.Differ = append(j.out.Differ, id)
		}
		return nil
	})
	for id := range there {
		j.out.Absent = append(j.out.Absent, id)
	}
	slices.Sort(j.out.Absent)
	return err
}

// fetcherFor returns a fetcher that may ask a URL. One that is written as a
// private address is there because an admin wants it to be.
func (j *rejoining) fetcherFor(raw string) *serverlist.Fetcher {
	f := &serverlist.Fetcher{AllowPrivate: j.cfg.AllowPrivate}
	if u, err := url.Parse(raw); err == nil {
		ip, err := netip.ParseAddr(u.Hostname())
		if err == nil && serverlist.IsPrivateAddress(ip) || strings.EqualFold(u.Hostname(), "localhost") {
			f.Pinned = []string{raw}
		}
	}
	return f
}
