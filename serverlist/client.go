package serverlist

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// The names of documents at a root, a mirror, in a [Cache] and in a static
// folder. Trust documents are named by [TrustName].
const (
	NameServerList = "server.list"
	NameMirrorList = "mirror.list"
	NamePinned     = "pinned.trust" // in a static folder: the trust document to begin with
)

// A Client gets the server list of one origin and keeps it. It is safe for
// concurrent use; refreshes wait for each other.
type Client struct {
	cfg   Config
	fetch Fetcher
	busy  chan struct{} // holds a token while a refresh runs

	mu     sync.Mutex
	loaded bool
	state  state
	failed map[string]int // by base URL: refreshes in a row in which it was no help; in memory only
}

// New checks the configuration. It reads at most pinned.trust and starts nothing.
func New(cfg Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	pinned, from, err := cfg.pinned()
	if err != nil {
		return nil, err
	}
	chain, err := keys.NewChain(pinned)
	if err != nil {
		return nil, fmt.Errorf("%s: the pinned trust document does not hold: %w", from, err)
	}
	cfg.Tuning = cfg.Tuning.withDefaults()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{cfg: cfg, busy: make(chan struct{}, 1), failed: make(map[string]int)}
	for _, r := range cfg.Root {
		folder, _ := rootFolder(r) // checked above
		c.fetch.Pinned = append(c.fetch.Pinned, folder)
	}
	c.fetch.HTTP, c.fetch.Tuning, c.fetch.Limits, c.fetch.AllowPrivate = cfg.HTTP, cfg.Tuning, cfg.Limits, cfg.AllowPrivate
	c.state = newState(chain)
	return c, nil
}

// Cached returns what is held, without network: the highest of what this
// client has fetched, what its cache holds and what it was shipped with. The
// error, if any, is a [*NoListError].
func (c *Client) Cached() (Result, error) {
	c.mu.Lock()
	if !c.loaded {
		c.load()
	}
	s := c.state
	c.mu.Unlock()
	return c.result(s, slices.Clone(s.attempts), nil)
}

// Refresh asks the root and the mirrors for news and returns the highest
// verified list among theirs, the cached and the static one. Result.Source
// tells which it is; that nobody could be reached is no error as long as there
// is a list. When ctx ends, Refresh returns what there is by then.
//
// The error, if any, is a [*NoListError].
func (c *Client) Refresh(ctx context.Context) (Result, error) {
	select {
	case c.busy <- struct{}{}:
		defer func() { <-c.busy }()
	case <-ctx.Done():
		return c.Cached()
	}
	defer c.fetch.CloseIdleConnections() // nothing lingers until the next refresh
	return newRefresh(c).run(ctx)
}

// snapshot returns what is held now. The fields of a state are never changed
// in place.
func (c *Client) snapshot() state {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

func (c *Client) chain() *keys.Chain { return c.snapshot().chain }

// adopt takes over a chain that a walk has extended. Two chains that differ in
// the text of a document that both hold cannot both be right; the one that was
// there first stays. Signatures beside it may differ: anybody can add a line
// that no key of ours has made.
func (c *Client) adopt(longer *keys.Chain) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	held, got := c.state.chain.Documents(), longer.Documents()
	for i := range min(len(held), len(got)) {
		if !bytes.Equal(held[i].Text(), got[i].Text()) {
			return fmt.Errorf("trust document %d differs from the one that is held, and both are signed: the trust keys are misused; tell the admins", held[i].Version)
		}
	}
	if len(got) > len(held) {
		c.state.chain = longer
	}
	return nil
}

// demote remembers that a source was no help, promote that it was.
func (c *Client) demote(base string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed[base]++
}

func (c *Client) failures(base string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed[base]
}

func (c *Client) promote(base string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.failed, base)
}
