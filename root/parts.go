package root

import (
	"context"
	"net/netip"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/alive"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/inspect"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/proof"
	"github.com/signed-metaserver/metaserver/root/rejoin"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/tell"
	"github.com/signed-metaserver/metaserver/root/watch"
)

// The parts of a root that the packages below it make, and how they hang together.

// newPublisher asks for the passphrase of the list key if it needs one.
func newPublisher(cfg *config.Config, d datafolder.Folder, chain *keys.Chain, st store.Store, stats *stats) (*issue.Publisher, error) {
	ring := &datafolder.KeyRing{Dir: d.Keys(), Ask: cfg.Passphrase}
	publisher, err := issue.New(context.Background(), issue.Config{
		Store: st, Chain: chain, Keys: ring.Find, Public: d.Public(), RootURL: cfg.PublicURL,
		Look: rejoin.Look(*cfg, d, st), Now: cfg.Now, Took: stats.published, Log: cfg.Log,
	})
	ring.Running = true
	return publisher, err
}

func newWatcher(cfg *config.Config, st store.Store, publisher *issue.Publisher, teller *tell.Teller) (*watch.Watcher, error) {
	return watch.New(watch.Config{
		Store: st, Published: publisher, RootEntry: cfg.PublicURL != "", PublicURL: cfg.PublicURL, AllowPrivate: cfg.AllowPrivate,
		Policy: cfg.Watch, Tell: teller.Mirror, Now: cfg.Now, Log: cfg.Log,
	})
}

func newSender(cfg *config.Config, st store.Store, origin string) (*mail.Sender, error) {
	return mail.NewSender(mail.Config{
		Mail: cfg.Mail, Hooks: cfg.Webhooks, Outbox: st, Origin: origin, Now: cfg.Now, Log: cfg.Log,
	})
}

func newTeller(cfg *config.Config, st store.Store, sender *mail.Sender, origin string) *tell.Teller {
	return tell.New(tell.Config{
		Origin: origin, Mail: cfg.Mail, Hooks: cfg.Webhooks, Store: st, Wake: sender.Wake, Now: cfg.Now, Log: cfg.Log,
	})
}

func newInspector(cfg *config.Config, st store.Store) (*inspect.Inspector, error) {
	return inspect.New(inspect.Config{
		Store: st, Resolver: proof.NewResolver(cfg.Resolver), AllowPrivate: cfg.AllowPrivate, Now: cfg.Now, Log: cfg.Log,
	})
}

// newPublicConns makes the limiter of the public listener. A trusted proxy has
// the connections of many; this machine is exempt as it is elsewhere.
func newPublicConns(cfg *config.Config, trusted limit.Proxies) (l *limit.Conns, warning string) {
	exempt := func(a netip.Addr) bool { return trusted.Trusts(a) || a.IsLoopback() && !cfg.LimitLoopback }
	return limit.NewConns(cfg.Limits.Connections, cfg.Limits.ConnectionsPerSource, exempt)
}

// mirrorProof is how long a look at mirrors, one of which was well, proves that
// the network works.
const mirrorProof = time.Hour

func newChecker(cfg *config.Config, st store.Store, publisher *issue.Publisher, inspector *inspect.Inspector, watcher *watch.Watcher, teller *tell.Teller) (*alive.Checker, error) {
	now := cfg.Now
	reached := func() bool {
		state := watcher.State()
		return state.Proven && now().Sub(state.Last) < mirrorProof
	}
	return alive.New(alive.Config{
		Store: st, Asker: inspector, Changed: publisher.Changed, Policy: cfg.Check, Reached: reached,
		Tell: teller.Servers, Now: cfg.Now, Log: cfg.Log,
	})
}
