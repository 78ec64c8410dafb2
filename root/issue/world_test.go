package issue_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

const (
	origin  = "ms.example.org"
	servers = serverlist.TypeServerList
	mirrors = serverlist.TypeMirrorList
)

// A world is a root's data folder: a real store, a real public folder, and
// the keys of an origin.
type world struct {
	t           testing.TB
	dir         string
	store       store.Store
	admin, list *keys.Signer
	ring        []*keys.Signer // the list keys that this root holds
	trust       *keys.Trust    // the first
	chain       *keys.Chain
	n           int // registrations so far
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), admin: newSigner(t, "admin/alice"), list: newSigner(t, "list/fra")}
	w.ring = []*keys.Signer{w.list}
	w.store = w.openStore("root.db")
	w.trust = &keys.Trust{
		Origin: origin, Version: 1, Epoch: 1,
		Issued: time.Now().Add(-time.Hour), ReviewBy: time.Now().AddDate(2, 0, 0),
		Keys: []keys.VerifierKey{w.admin.VerifierKey(), w.list.VerifierKey()},
		Roles: []keys.Role{
			{Name: "trust", Threshold: 1, Keys: []string{w.admin.VerifierKey().Name()}},
			{Name: "mirrors", Threshold: 1, Keys: []string{w.list.VerifierKey().Name()}},
			{Name: "list", Threshold: 1, Keys: []string{w.list.VerifierKey().Name()}},
		},
	}
	w.chain = must(keys.NewChain(w.signTrust(w.trust)))(t)
	return w
}

// must returns the value of a call that may not fail.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newSigner(t testing.TB, name string) *keys.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return must(keys.NewSigner(origin+"/"+name, private))(t)
}

func (w *world) signTrust(trust *keys.Trust) []byte {
	w.t.Helper()
	text := must(trust.Encode())(w.t)
	return must(keys.Sign(text, w.admin))(w.t)
}

func (w *world) openStore(name string) store.Store {
	w.t.Helper()
	s := must(store.OpenSQLite(w.t.Context(), store.Config{Path: filepath.Join(w.dir, name)}))(w.t)
	w.t.Cleanup(func() { s.Close() })
	return s
}

func (w *world) public() string { return filepath.Join(w.dir, "public") }

// publisher returns a publisher of this world; each call is as a new start of
// the program.
func (w *world) publisher(changes ...func(*issue.Config)) *issue.Publisher {
	w.t.Helper()
	return must(w.tryPublisher(changes...))(w.t)
}

func (w *world) tryPublisher(changes ...func(*issue.Config)) (*issue.Publisher, error) {
	cfg := issue.Config{Store: w.store, Chain: w.chain, Keys: w.find, Public: w.public()}
	for _, change := range changes {
		change(&cfg)
	}
	return issue.New(w.t.Context(), cfg)
}

// find finds keys among those of this root.
func (w *world) find(able []keys.VerifierKey) (*keys.Signer, error) { return having(w.ring...)(able) }

// having finds keys among these.
func having(signers ...*keys.Signer) issue.KeyFinder {
	return func(able []keys.VerifierKey) (*keys.Signer, error) {
		for _, k := range able {
			for _, s := range signers {
				if s.VerifierKey() == k {
					return s, nil
				}
			}
		}
		return nil, errNoKey
	}
}

var errNoKey = errors.New("there is no such key here")

func (w *world) publish(p *issue.Publisher, typ string) {
	w.t.Helper()
	if err := p.Publish(w.t.Context(), typ); err != nil {
		w.t.Fatalf("Publish(%s): %v", typ, err)
	}
}

// add registers and approves n servers and returns their ids.
func (w *world) add(n int) (ids []string) {
	w.t.Helper()
	for range n {
		ids = append(ids, w.approve().Server.ID)
	}
	return ids
}

func (w *world) approve() store.Entry {
	w.t.Helper()
	w.n++
	return must(approveNew(w.t, w.store, fmt.Sprint(w.n)))(w.t)
}

func approveNew(t testing.TB, s store.Store, unique string) (store.Entry, error) {
	r, err := s.Register(t.Context(), request(unique), store.Limits{Queue: -1})
	if err != nil {
		return store.Entry{}, err
	}
	return s.Approve(t.Context(), store.Approval{Registration: r.ID, Entry: "s" + unique, Admin: "alice"})
}

func request(unique string) store.Request {
	return store.Request{
		Server: serverlist.Server{Name: "Server " + unique, Game: "crossfire", Addresses: []string{"s" + unique + ".example.net:13327"},
			Description: "What a server says of itself, in a sentence or two that a player may want to read before joining."},
		Email: unique + "@example.net", Source: netip.MustParseAddr("192.0.2.1"),
	}
}

func (w *world) revoke(ids ...string) (change int64) {
	w.t.Helper()
	for _, id := range ids {
		change = must(w.store.Revoke(w.t.Context(), id, "gone", "alice"))(w.t).Change
	}
	return change
}

// file returns the list in the public folder, verified as a client would who
// knows the chain.
func (w *world) file(typ string) *serverlist.List { return w.read(typ, keys.Live) }

// stored returns it as a client would verify it in its cache.
func (w *world) stored(typ string) *serverlist.List { return w.read(typ, keys.Stored) }

func (w *world) read(typ string, held keys.Held) *serverlist.List {
	w.t.Helper()
	name := map[string]string{servers: "server.list", mirrors: "mirror.list"}[typ]
	data := must(os.ReadFile(filepath.Join(w.public(), name)))(w.t)
	l := must(serverlist.Open(data, serverlist.Want{Origin: origin, Type: typ, Held: held}, w.chain))(w.t)
	if len(l.Skipped) > 0 {
		w.t.Errorf("%s: skipped %v", name, l.Skipped)
	}
	return l
}

// check tells whether file, store and what is served are one edition with
// these entries.
func (w *world) check(p *issue.Publisher, typ string, ids ...string) {
	w.t.Helper()
	l := w.file(typ)
	var got []string
	for _, s := range l.Servers {
		got = append(got, s.ID)
	}
	for _, m := range l.Mirrors {
		got = append(got, m.ID)
	}
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		w.t.Errorf("%s lists %q, want %q", typ, got, ids)
	}
	stored := must(w.store.NewestEdition(w.t.Context(), typ))(w.t)
	if !bytes.Equal(stored.Document, l.Bytes()) {
		w.t.Errorf("the store's newest %s is version %d, the file %d", typ, stored.Version, l.Head.Version)
	}
	if d := p.Current(typ); d == nil || !bytes.Equal(d.Bytes, l.Bytes()) {
		w.t.Errorf("what is served of %s is not the file", typ)
	}
}

func (w *world) editions(typ string) int {
	w.t.Helper()
	return len(must(w.store.Editions(w.t.Context(), typ, 1000))(w.t))
}
