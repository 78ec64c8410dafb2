// Package publishtest holds the contract that every publish.Target is tested
// against, the faults that a target behind a network must outlive, and a root
// that signs sets of documents for them.
//
// Each fault costs several visits to a real server. By default there are as many
// as show every kind of fault in every kind of operation; with
// METASERVER_TEST_SWEEP=1 in the environment there are several times as many.
package publishtest

import (
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// Root makes verified sets of documents of any version. It publishes nothing
// by itself.
type Root struct {
	*serverlisttest.Root
	online string // the key that signs lists
}

// NewRoot returns a root whose clock stands at the beginning of 2026, unless
// the options say otherwise.
func NewRoot(o serverlisttest.Options) *Root {
	if o.Now.IsZero() {
		o.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return &Root{serverlisttest.NewRoot(o), "list/1"}
}

// Rotate signs the next trust document, which names a new online key, and
// returns the chain. The key before keeps its roles if keep is set, so that
// lists it has signed still hold.
func (r *Root) Rotate(keep bool) *keys.Chain {
	next := fmt.Sprintf("list/%d", r.Chain().Newest().Version+1)
	lists := []string{next}
	if keep {
		lists = []string{r.online, next}
	}
	r.online = next
	r.Amend(serverlisttest.Change{Lists: lists})
	return r.Chain()
}

// List signs a draft with this version and verifies the result.
func (r *Root) List(version int64, d serverlist.Draft) *serverlist.List {
	d.Issued = time.Unix(version, 0).UTC()
	d = r.Complete(d)
	return r.Open(d.Type, r.Sign(d))
}

// Servers returns a server list with one entry for each id.
func (r *Root) Servers(version int64, ids ...string) *serverlist.List {
	return r.List(version, serverlisttest.Servers(ids...))
}

// Mirrors returns a mirror list with one operator for each URL.
func (r *Root) Mirrors(version int64, urls ...string) *serverlist.List {
	return r.List(version, serverlisttest.Mirrors(urls...))
}

// Documents returns a set: the chain, a mirror list and a server list of one
// version.
func (r *Root) Documents(version int64, ids ...string) publish.Documents {
	return publish.Documents{
		Trust:   r.Chain(),
		Mirrors: r.Mirrors(version, "http://mirror.example.net/ms/"),
		Servers: r.Servers(version, ids...),
	}
}
