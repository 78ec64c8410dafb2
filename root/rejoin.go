package root

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// rejoinAsk is how long one mirror has to give its heads, its trust documents
// and, if it is the newest, its lists.
const rejoinAsk = 30 * time.Second

// A Rejoined says what a restored root found at its mirrors.
type Rejoined struct {
	Made   time.Time     `json:"made"`  // the backup
	Alone  bool          `json:"alone"` // nobody was asked
	Asked  []AskedMirror `json:"asked"`
	Trust  int64         `json:"trust,omitempty"`  // number of the newest trust document, when it came from a mirror
	Lists  []RejoinList  `json:"lists"`            // those that came from a mirror
	Absent []string      `json:"absent,omitempty"` // ids in the mirrors' server list that are not listed in the database
	Differ []string      `json:"differ,omitempty"` // ids whose entry in the mirrors' list is another than that in the database
	Extra  []string      `json:"extra,omitempty"`  // ids listed in the database that are not in the mirrors' list
}

// An AskedMirror is one that was asked.
type AskedMirror struct {
	URL     string `json:"url"`
	Version int64  `json:"version,omitempty"` // of its server list; 0: none that verifies
	Epoch   int64  `json:"epoch,omitempty"`
	Trust   int64  `json:"trust,omitempty"` // the newest trust document that it has, of those that follow ours
	Problem string `json:"problem,omitempty"`
}

// A RejoinList is a list that was newer at a mirror.
type RejoinList struct {
	Name    string `json:"name"`
	File    string `json:"file"` // where it lies now
	Version int64  `json:"version"`
	Epoch   int64  `json:"epoch"`
	Backup  int64  `json:"backup"` // version in the backup; 0: none
	From    string `json:"from"`
}

// A NoMirrorError says that no mirror of a restored root answers.
type NoMirrorError struct {
	Made  time.Time // the backup
	Asked []AskedMirror
}

func (e *NoMirrorError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "this root was restored from a backup of %s, and a mirror may have a newer list than that; a list that goes back is refused by clients, and what is missing would be lost. ", e.Made.Format(time.RFC3339))
	if len(e.Asked) == 0 {
		b.WriteString("The backup names no mirror")
	} else {
		b.WriteString("No mirror gave a list that verifies")
	}
	for _, a := range e.Asked {
		fmt.Fprintf(&b, "\n  %s: %s", a.URL, a.Problem)
	}
	return b.String()
}

// A ForkError says that mirrors have signed documents which cannot both be of
// one root: two roots sign with the same keys, or somebody else has them.
type ForkError struct{ Problem string }

func (e *ForkError) Error() string {
	return e.Problem + ": two roots sign with the same keys, or somebody else has them; nothing was changed; find out which before this root is served"
}

// Rejoin brings a root that was restored from a backup up to what its mirrors
// have, before it signs anything: it asks the mirrors of the backup, those of the
// mirror lists that it finds, and those that [Restore] was given, for trust
// documents and lists, verifies them, and puts what is newer into the public
// folder. From there the root goes on: its next edition is newer than all of
// them, and waits for an admin if it would lose an entry. With alone nobody is
// asked. A root that was not restored is left as it is, with a nil report.
//
// Errors: [*NoMirrorError], [*ForkError], [*LockedError]; nothing has changed
// then.
func Rejoin(ctx context.Context, cfg Config, alone bool) (*Rejoined, error) {
	cfg.setDefaults()
	d := folder(cfg.Data)
	mark, err := readMark(d)
	if err != nil || mark == nil {
		return nil, err
	}
	lock, err := lockData(d)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	st, err := store.OpenSQLite(ctx, store.Config{Path: d.database(), MustExist: true, Now: cfg.Now})
	if err != nil {
		return nil, err
	}
	defer st.Close()
	out := &Rejoined{Made: mark.Made, Alone: alone, Asked: []AskedMirror{}, Lists: []RejoinList{}}
	if !alone {
		chain, err := loadChain(d)
		if err != nil {
			return nil, err
		}
		j := &rejoining{cfg: cfg, d: d, store: st, out: out, chain: chain, base: chain}
		if err := j.run(ctx, mark); err != nil {
			return nil, err
		}
	}
	if err := st.RecordRestore(ctx, out.summary()); err != nil {
		return nil, err
	}
	return out, os.Remove(d.restored())
}

func (r *Rejoined) summary() string {
	if r.Alone {
		return fmt.Sprintf("backup of %s, without a look at any mirror", r.Made.Format(time.RFC3339))
	}
	return fmt.Sprintf("backup of %s; %d mirrors asked, %d lists taken over; in the mirrors' list and not in the database: %d",
		r.Made.Format(time.RFC3339), len(r.Asked), len(r.Lists), len(r.Absent))
}

// rejoining is one Rejoin under way.
type rejoining struct {
	cfg   Config
	d     folder
	store store.Store
	out   *Rejoined
	base  *keys.Chain // of the backup
	chain *keys.Chain // the longest that was found
}

func (j *rejoining) run(ctx context.Context, mark *restoredMark) error {
	held, err := j.readPublished()
	if err != nil {
		return err
	}
	urls, err := j.mirrors(ctx, mark, held[serverlist.TypeMirrorList])
	if err != nil {
		return err
	}
	found := make(map[string]*foundList)
	asked := 0
	for range 2 { // once more for mirrors that only the mirrors' list names
		fresh := urls[asked:]
		asked = len(urls)
		if err := j.ask(ctx, fresh, found); err != nil {
			return err
		}
		if l := found[serverlist.TypeMirrorList]; l != nil {
			urls = appendMirrors(urls, l.list)
		}
	}
	if !slices.ContainsFunc(j.out.Asked, func(a AskedMirror) bool { return a.Version != 0 }) {
		return &NoMirrorError{Made: mark.Made, Asked: j.out.Asked}
	}
	if err := j.compare(held, found); err != nil {
		return err
	}
	if err := j.differences(ctx, found[serverlist.TypeServerList]); err != nil {
		return err
	}
	return j.place(found)
}

// readPublished returns the lists of the backup that verify.
func (j *rejoining) readPublished() (map[string]*serverlist.List, error) {
	held := make(map[string]*serverlist.List)
	for _, typ := range listTypes {
		data, err := os.ReadFile(j.d.published(typ))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		want := serverlist.Want{Origin: j.chain.Origin(), Type: typ, Held: keys.Stored, FirstSeen: time.Unix(0, 0)}
		if l, err := serverlist.Open(data, want, j.chain); err == nil {
			held[typ] = l
		}
	}
	return held, nil
}

var listTypes = []string{serverlist.TypeMirrorList, serverlist.TypeServerList} // in the order of publishing

// mirrors returns the URLs to ask, each once: what the operator named first.
func (j *rejoining) mirrors(ctx context.Context, mark *restoredMark, published *serverlist.List) ([]string, error) {
	urls := slices.Clone(mark.Mirrors)
	watched, _, err := j.store.Mirrors(ctx)
	if err != nil {
		return nil, err
	}
	urls = appendMirrors(urls, &serverlist.List{Mirrors: watched})
	if published != nil {
		urls = appendMirrors(urls, published)
	}
	if j.cfg.PublicURL != "" { // where a target's host serves it
		urls = appendMirrors(urls, &serverlist.List{Mirrors: []serverlist.Mirror{{URLs: []string{j.cfg.PublicURL}}}})
	}
	for _, t := range j.cfg.Targets {
		if t.PublicURL != "" {
			urls = appendMirrors(urls, &serverlist.List{Mirrors: []serverlist.Mirror{{URLs: []string{t.PublicURL}}}})
		}
	}
	return urls, nil
}

func appendMirrors(urls []string, l *serverlist.List) []string {
	for _, m := range l.Mirrors {
		for _, u := range m.URLs {
			if !slices.Contains(urls, u) {
				urls = append(urls, u)
			}
		}
	}
	return urls
}

// compare drops what is not newer than the backup.
func (j *rejoining) compare(held map[string]*serverlist.List, found map[string]*foundList) error {
	for typ, f := range found {
		have := held[typ]
		if have == nil {
			continue
		}
		switch order := serverlist.CompareHeads(&f.list.Head, &have.Head); {
		case order == 0 && !bytes.Equal(f.list.Text(), have.Text()):
			return &ForkError{fmt.Sprintf("version %d of %s at %s is not that of the backup", have.Head.Version, typ, f.url)}
		case order <= 0:
			delete(found, typ)
		default:
			f.backup = have.Head.Version
		}
	}
	return nil
}

// place puts into the public folder what is newer, in the order in which
// readers need it.
func (j *rejoining) place(found map[string]*foundList) error {
	for _, t := range j.chain.Documents()[len(j.base.Documents()):] {
		j.out.Trust = t.Version
		if err := durable.WriteFile(j.d.trust(t.Version), t.Bytes(), 0o644); err != nil {
			return err
		}
	}
	for _, typ := range listTypes {
		f := found[typ]
		if f == nil {
			continue
		}
		path := j.d.published(typ)
		if err := durable.WriteFile(path, f.list.Bytes(), 0o644); err != nil {
			return err
		}
		j.out.Lists = append(j.out.Lists, RejoinList{Name: f.name, File: path, Version: f.list.Head.Version,
			Epoch: f.list.Head.Epoch, Backup: f.backup, From: f.url})
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
