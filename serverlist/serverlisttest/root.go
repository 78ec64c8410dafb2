package serverlisttest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"testing/fstest"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Options configures a [Root]. The zero value is an origin as most tests need
// it.
type Options struct {
	Origin string    // "": "ms.example.org"
	Seed   string    // keys are made of this, the origin and their names: two roots with another seed are strangers to each other
	Now    time.Time // where the clock begins; zero: 2026-11-03T11:42:00Z
	First  Change    // of the first trust document; zero fields: two of the admins alice, bob and carol, one list key "list/1"
}

// A Root is the root of an origin: it holds all keys, signs documents and
// publishes them for its sites to serve. What it signs without publishing is
// what a thief of its keys could sign. One goroutine at a time publishes; sites
// and readers may go on meanwhile.
type Root struct {
	Clock *Clock // documents are issued at its time

	origin, seed string

	mu       sync.Mutex
	terms    Change // in force: no field is zero
	chain    *keys.Chain
	folder   fstest.MapFS         // what is published now
	last     map[string]time.Time // by name of the list: when the newest edition was issued
	previous map[string][]byte    // by name of the list: the edition before that
}

// NewRoot makes the keys of an origin and publishes its first trust document,
// and no list yet.
func NewRoot(o Options) *Root {
	if o.Origin == "" {
		o.Origin = "ms.example.org"
	}
	if o.Now.IsZero() {
		o.Now = time.Date(2026, 11, 3, 11, 42, 0, 0, time.UTC)
	}
	r := &Root{
		Clock: NewClock(o.Now), origin: o.Origin, seed: o.Seed,
		folder: fstest.MapFS{}, last: make(map[string]time.Time), previous: make(map[string][]byte),
		terms: Change{Admins: []string{"admin/alice", "admin/bob", "admin/carol"}, AdminsNeeded: 2, Lists: []string{"list/1"}, ListsNeeded: 1},
	}
	r.Amend(o.First)
	return r
}

// Origin returns the origin that all documents name.
func (r *Root) Origin() string { return r.origin }

// Chain returns the chain of all trust documents.
func (r *Root) Chain() *keys.Chain {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.chain
}

// Pinned returns the first trust document, for Config.Trust.
func (r *Root) Pinned() []byte { return r.Chain().Pinned().Bytes() }

// Want is what a reader expects of a live document of this type.
func (r *Root) Want(typ string) serverlist.Want {
	return serverlist.Want{Origin: r.origin, Type: typ}
}

// Folder returns a copy of what is published now: server.list, mirror.list and
// trust/, as a program ships them in Config.Static. os.CopyFS writes it to a
// disk.
func (r *Root) Folder() fstest.MapFS {
	r.mu.Lock()
	defer r.mu.Unlock()
	folder := fstest.MapFS{}
	for name, file := range r.folder {
		folder[name] = &fstest.MapFile{Data: bytes.Clone(file.Data), Mode: 0o644}
	}
	return folder
}

// Signer returns the key of a name: "list/1" gives the key
// "ms.example.org/list/1". Every name has one, whether a trust document lists
// it or not.
func (r *Root) Signer(name string) *keys.Signer { return r.SignerAs(name, name) }

// SignerAs returns the key of a name under another name: one key that
// pretends to be two.
func (r *Root) SignerAs(alias, name string) *keys.Signer {
	seed := sha256.Sum256(fmt.Appendf(nil, "serverlisttest\n%s\n%s\n%s", r.seed, r.origin, name))
	return must(keys.NewSigner(r.origin+"/"+alias, ed25519.NewKeyFromSeed(seed[:])))
}

// signers returns the last n keys of a list of names.
func (r *Root) signers(names []string, n int) []*keys.Signer {
	var all []*keys.Signer
	for _, name := range names[len(names)-n:] {
		all = append(all, r.Signer(name))
	}
	return all
}

// Servers drafts a server list with one usual entry for each id.
func Servers(ids ...string) serverlist.Draft {
	var entries []serverlist.Server
	for _, id := range ids {
		entries = append(entries, serverlist.Server{ID: id, Name: "Server " + id, Game: "crossfire", Addresses: []string{id + ".example.net:13327"}})
	}
	return serverlist.Draft{Type: serverlist.TypeServerList, Body: must(serverlist.EncodeServers(entries))}
}

// Mirrors drafts a mirror list with one entry for each URL; the operator is the
// URL's host.
func Mirrors(urls ...string) serverlist.Draft {
	var entries []serverlist.Mirror
	for i, u := range urls {
		entries = append(entries, serverlist.Mirror{ID: fmt.Sprintf("mirror-%d", i+1), Operator: must(url.Parse(u)).Host, URLs: []string{u}})
	}
	return serverlist.Draft{Type: serverlist.TypeMirrorList, Body: must(serverlist.EncodeMirrors(entries))}
}

// Complete fills in the zero fields of a draft: issued now under the newest
// trust document, fresh for 24 hours, old after 30 days.
func (r *Root) Complete(d serverlist.Draft) serverlist.Draft {
	newest := r.Chain().Newest()
	if d.Issued.IsZero() {
		d.Issued = r.Clock.Now()
	}
	if d.FreshUntil.IsZero() {
		d.FreshUntil = d.Issued.Add(24 * time.Hour)
	}
	if d.OldAfter.IsZero() {
		d.OldAfter = later(d.Issued.AddDate(0, 0, 30), d.FreshUntil)
	}
	setZero(&d.Origin, r.origin)
	setZero(&d.Type, serverlist.TypeServerList)
	setZero(&d.Version, d.Issued.Unix())
	setZero(&d.Epoch, newest.Epoch)
	setZero(&d.Trust, newest.Version)
	return d
}

// Text returns the head of a draft, completed. Unlike [serverlist.Draft.Text] it
// does not look at the body, as the writer of another make might not.
func (r *Root) Text(d serverlist.Draft) []byte {
	d = r.Complete(d)
	h := keys.Head{
		Origin: d.Origin, Type: d.Type, Version: d.Version, Epoch: d.Epoch,
		Issued: d.Issued, FreshUntil: d.FreshUntil, OldAfter: d.OldAfter, Trust: d.Trust, Mirrors: d.Mirrors,
		BodySize: int64(len(d.Body)), BodySHA256: sha256.Sum256(d.Body),
	}
	return must(h.Encode())
}

// Sign signs a draft, completed. No signers: those that the newest trust
// document asks for.
func (r *Root) Sign(d serverlist.Draft, signers ...*keys.Signer) []byte {
	if len(signers) == 0 {
		r.mu.Lock()
		signers = r.signers(r.terms.Lists, r.terms.ListsNeeded)
		r.mu.Unlock()
	}
	return SignText(r.Text(d), d.Body, signers...)
}

// SignText signs any head as it stands, and puts the body behind it.
func SignText(text, body []byte, signers ...*keys.Signer) []byte {
	return slices.Concat(must(keys.Sign(text, signers...)), []byte("\n"), body)
}

// Publish signs a draft and lets all sites serve it. It returns the document,
// which is later than the edition before it by at least a second, whatever the
// draft says.
func (r *Root) Publish(d serverlist.Draft) []byte {
	name := nameOf(d.Type)
	r.mu.Lock()
	last, again := r.last[name]
	r.mu.Unlock()
	if d.Issued.IsZero() {
		d.Issued = r.Clock.Now()
	}
	if again && !d.Issued.After(last) {
		d.Issued = last.Add(time.Second)
	}
	d = r.Complete(d)
	doc := r.Sign(d)
	r.Open(d.Type, doc)
	r.mu.Lock()
	defer r.mu.Unlock()
	if again {
		r.previous[name] = r.folder[name].Data
	}
	r.last[name] = d.Issued
	r.folder[name] = &fstest.MapFile{Data: doc, Mode: 0o644}
	return doc
}

// Open verifies a live list under all trust documents.
func (r *Root) Open(typ string, doc []byte) *serverlist.List {
	return must(serverlist.Open(doc, r.Want(typ), r.Chain()))
}

func nameOf(typ string) string {
	if typ == serverlist.TypeMirrorList {
		return serverlist.NameMirrorList
	}
	return serverlist.NameServerList
}

func setZero[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// must is for what fixed inputs cannot fail at.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("serverlisttest: %v", err))
	}
	return v
}
