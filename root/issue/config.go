package issue

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A KeyFinder returns a signer for one of the given keys, the first whose
// private half is at hand. Its error says what to do when there is none. It is
// called for each list, at the start and whenever there is a new trust
// document; calls do not overlap.
type KeyFinder func(able []keys.VerifierKey) (*keys.Signer, error)

// Config configures a [Publisher].
type Config struct {
	Store   store.Store // required
	Chain   *keys.Chain // required: the trust documents found in the public folder, from the first
	Keys    KeyFinder   // required: the private keys that sign lists
	Public  string      // required: the public folder; made when absent
	RootURL string      // public URL of the root's own folder, for its entry in the mirror list; "": the mirror list has no root entry

	// Look is called before the first signature; nil: nobody is asked.
	Look Look

	ServersEvery time.Duration    // an unchanged server list is issued again after this; 0: 6 h
	MirrorsEvery time.Duration    // the same for the mirror list; 0: 4 h
	FreshFor     time.Duration    // from issued to fresh-until; 0: 24 h
	OldAfter     time.Duration    // from issued to old-after; 0: 30 days
	RetryFirst   time.Duration    // pause after a first failure, doubled with each further one; 0: 1 s
	RetryMost    time.Duration    // the longest such pause; 0: 5 min
	Now          func() time.Time // nil: time.Now

	// Took is told how long each attempt to publish a list took, and how it
	// ended; nil: nobody is told. It must not block.
	Took func(list string, took time.Duration, err error)

	Log *slog.Logger // nil: silent
}

func (c *Config) check() error {
	switch {
	case c.Store == nil, c.Chain == nil, c.Keys == nil:
		return errors.New("issue: Store, Chain and Keys are required")
	case c.Chain.Pinned().Version != 1:
		return fmt.Errorf("issue: a root publishes all trust documents, and this chain begins with number %d", c.Chain.Pinned().Version)
	case c.Public == "":
		return errors.New("issue: Public, the folder to publish to, is required")
	}
	if c.RootURL != "" {
		if err := serverlist.CheckMirrorURL(c.RootURL); err != nil {
			return fmt.Errorf("public URL %q: %w", c.RootURL, err)
		}
	}
	return nil
}

func (c *Config) setDefaults() {
	setDuration(&c.ServersEvery, 6*time.Hour)
	setDuration(&c.MirrorsEvery, 4*time.Hour)
	setDuration(&c.FreshFor, 24*time.Hour)
	setDuration(&c.OldAfter, 30*24*time.Hour)
	setDuration(&c.RetryFirst, time.Second)
	setDuration(&c.RetryMost, 5*time.Minute)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Took == nil {
		c.Took = func(string, time.Duration, error) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

func setDuration(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
}
