// Package publishtest holds the contract that every publish.Target is tested
// against, and a small signing root to make documents with.
package publishtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// Root signs documents as the root of an origin does. It is for tests and is
// used by one goroutine at a time.
type Root struct {
	tb     testing.TB
	origin string
	admins []*keys.Signer
	online *keys.Signer // holds the roles "list" and "mirrors"
	old    *keys.Signer // the online key before, if it still holds its roles
	chain  *keys.Chain
}

// NewRoot makes the keys of an origin and its first trust document: two of
// three admins for the role "trust", one online key for the lists.
func NewRoot(tb testing.TB, origin string) *Root {
	tb.Helper()
	r := &Root{tb: tb, origin: origin}
	for _, name := range []string{"alice", "bob", "carol"} {
		r.admins = append(r.admins, r.signer(origin+"/admin/"+name))
	}
	r.online = r.signer(origin + "/list/1")
	chain, err := keys.NewChain(r.signTrust(1))
	r.must(err)
	r.chain = chain
	return r
}

// Chain returns the chain of all trust documents so far.
func (r *Root) Chain() *keys.Chain { return r.chain }

// Rotate signs the next trust document, which names a new online key. The key
// before keeps its roles if keep is set, so that lists it has signed still
// hold.
func (r *Root) Rotate(keep bool) *keys.Chain {
	r.tb.Helper()
	r.old = nil
	if keep {
		r.old = r.online
	}
	next := r.chain.Newest().Version + 1
	r.online = r.signer(fmt.Sprintf("%s/list/%d", r.origin, next))
	chain, err := r.chain.Extend(r.signTrust(next))
	r.must(err)
	r.chain = chain
	return chain
}

// Fork returns the bytes of another trust document with the number of the
// newest, signed by the same admins.
func (r *Root) Fork() []byte {
	r.tb.Helper()
	online := r.online
	defer func() { r.online = online }()
	r.online = r.signer(r.origin + "/list/fork")
	return r.signTrust(r.chain.Newest().Version)
}

// Servers returns a verified server list with one entry for each id.
func (r *Root) Servers(version int64, ids ...string) *serverlist.List {
	r.tb.Helper()
	var entries []serverlist.Server
	for _, id := range ids {
		entries = append(entries, serverlist.Server{ID: id, Name: "Server " + id, Addresses: []string{id + ".example.net:13327"}})
	}
	body, err := serverlist.EncodeServers(entries)
	r.must(err)
	return r.List(serverlist.TypeServerList, version, body)
}

// Mirrors returns a verified mirror list with one operator for each URL.
func (r *Root) Mirrors(version int64, urls ...string) *serverlist.List {
	r.tb.Helper()
	var entries []serverlist.Mirror
	for i, url := range urls {
		id := fmt.Sprintf("mirror-%d", i)
		entries = append(entries, serverlist.Mirror{ID: id, Operator: "Operator " + id, URLs: []string{url}})
	}
	body, err := serverlist.EncodeMirrors(entries)
	r.must(err)
	return r.List(serverlist.TypeMirrorList, version, body)
}

// List signs any canonical body and verifies the result.
func (r *Root) List(typ string, version int64, body []byte) *serverlist.List {
	r.tb.Helper()
	issued := time.Unix(version, 0).UTC()
	draft := serverlist.Draft{
		Origin: r.origin, Type: typ, Version: version, Epoch: r.chain.Newest().Epoch,
		Issued: issued, FreshUntil: issued.Add(24 * time.Hour), OldAfter: issued.Add(30 * 24 * time.Hour),
		Trust: r.chain.Newest().Version, Body: body,
	}
	data, err := draft.Sign(r.online)
	r.must(err)
	list, err := serverlist.Open(data, serverlist.Want{Origin: r.origin, Type: typ}, r.chain)
	r.must(err)
	return list
}

// Documents returns a set: the chain, a mirror list and a server list of one
// version.
func (r *Root) Documents(version int64, ids ...string) publish.Documents {
	r.tb.Helper()
	return publish.Documents{
		Trust:   r.chain,
		Mirrors: r.Mirrors(version, "http://mirror.example.net/ms/"),
		Servers: r.Servers(version, ids...),
	}
}

func (r *Root) signTrust(version int64) []byte {
	r.tb.Helper()
	issued := time.Date(2026, 1, 1, 0, 0, int(version), 0, time.UTC)
	t := keys.Trust{
		Origin: r.origin, Version: version, Epoch: 1,
		Issued: issued, ReviewBy: issued.AddDate(2, 0, 0),
		Keys:  []keys.VerifierKey{r.online.VerifierKey()},
		Roles: []keys.Role{{Name: "list", Threshold: 1}, {Name: "mirrors", Threshold: 1}, {Name: "trust", Threshold: 2}},
	}
	if r.old != nil {
		t.Keys = append(t.Keys, r.old.VerifierKey())
	}
	for _, k := range t.Keys {
		t.Roles[0].Keys = append(t.Roles[0].Keys, k.Name())
		t.Roles[1].Keys = append(t.Roles[1].Keys, k.Name())
	}
	for _, a := range r.admins {
		t.Keys = append(t.Keys, a.VerifierKey())
		t.Roles[2].Keys = append(t.Roles[2].Keys, a.VerifierKey().Name())
	}
	text, err := t.Encode()
	r.must(err)
	note, err := keys.Sign(text, r.admins[0], r.admins[1])
	r.must(err)
	return note
}

func (r *Root) signer(name string) *keys.Signer {
	r.tb.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	r.must(err)
	s, err := keys.NewSigner(name, private)
	r.must(err)
	return s
}

func (r *Root) must(err error) {
	r.tb.Helper()
	if err != nil {
		r.tb.Fatal(err)
	}
}
