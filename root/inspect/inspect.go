// Package inspect looks at the servers that requests name, so that an admin has
// something to judge by: what DNS says about their hosts and about the source of
// the request, and whether a game server answers.
//
// Whoever sends a request makes the root do this, so that it is done with care:
//
//   - the hosts of one request are few, and so are the addresses of a host;
//   - private and loopback addresses are left alone unless [Config.AllowPrivate];
//   - one host (an IPv4 address, an IPv6 /64) is connected to once in
//     [Config.HostPause], whatever names and ports requests give it, and the
//     requests of one source make the root connect to few hosts: the root is
//     nobody's port scanner;
//   - what it sends is a TCP handshake, and it reads the greeting of games that
//     greet.
//
// A request that is left alone for one of these reasons says so, and an admin
// may have it looked at all the same.
package inspect

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/probe"
)

// A Resolver asks DNS. A [*net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupAddr(ctx context.Context, address string) ([]string, error)
}

// Config configures an [Inspector].
type Config struct {
	Store        store.Store   // required
	AllowPrivate bool          // connect to private and loopback addresses, too
	Resolver     Resolver      // nil: net.DefaultResolver
	Parallel     int           // requests looked at at once; 0: 8
	Timeout      time.Duration // of one DNS question, and of one probe; 0: 4 s
	HostPause    time.Duration // between two connections to one host; 0: 10 min
	SourceHosts  int           // hosts connected to for the requests of one source within HostPause; 0: 10

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: silent
}

// An Inspector looks at requests. It is safe for concurrent use.
type Inspector struct {
	cfg    Config
	prober probe.Prober
	wake   chan struct{}

	mu    sync.Mutex
	hosts pauses // hosts that were connected to
	spent pauses // connections for each source
}

// New returns an inspector. It does nothing before Run or Look.
func New(cfg Config) (*Inspector, error) {
	if cfg.Store == nil {
		return nil, errors.New("inspect: Store is required")
	}
	setDefault(&cfg.Parallel, 8)
	setDefault(&cfg.Timeout, 4*time.Second)
	setDefault(&cfg.HostPause, 10*time.Minute)
	setDefault(&cfg.SourceHosts, 10)
	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	i := &Inspector{cfg: cfg, wake: make(chan struct{}, 1)}
	i.prober = probe.Prober{Timeout: cfg.Timeout, AllowPrivate: cfg.AllowPrivate, Now: cfg.Now}
	return i, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Wake says that there may be requests which nobody has looked at. It never
// blocks.
func (i *Inspector) Wake() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

// retryEvery is how often Run looks for requests that nobody has told it of, as
// after a failure.
const retryEvery = time.Minute

// Run looks at requests soon after they came, until ctx ends. Failures are
// logged and tried again.
func (i *Inspector) Run(ctx context.Context) error {
	ticker := time.NewTicker(retryEvery)
	defer ticker.Stop()
	for {
		if err := i.All(ctx); err != nil && ctx.Err() == nil {
			i.cfg.Log.Error("requests could not be looked at; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-i.wake:
		case <-ticker.C:
		}
	}
}

// page is how many requests are looked at before the findings are stored.
const page = 32

// All looks at every request that nobody has looked at since it changed.
func (i *Inspector) All(ctx context.Context) error {
	for {
		waiting, err := i.cfg.Store.Unlooked(ctx, page)
		if err != nil || len(waiting) == 0 {
			return err
		}
		found := make([]store.Findings, len(waiting))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(i.cfg.Parallel)
		for n, r := range waiting {
			g.Go(func() error {
				found[n] = i.look(gctx, &r, false)
				return context.Cause(gctx) // what was called off says nothing
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		if err := i.cfg.Store.RecordFindings(ctx, found); err != nil {
			return err
		}
	}
}

// Look looks at one request now, for an admin: whoever was connected to lately is
// connected to again. The findings are stored.
func (i *Inspector) Look(ctx context.Context, r store.Registration) (store.Findings, error) {
	f := i.look(ctx, &r, true)
	if err := context.Cause(ctx); err != nil {
		return store.Findings{}, err
	}
	return f, i.cfg.Store.RecordFindings(ctx, []store.Findings{f})
}

func (i *Inspector) look(ctx context.Context, r *store.Registration, byAdmin bool) store.Findings {
	f := store.Findings{Registration: r.ID, Revision: r.Revision, At: i.cfg.Now().UTC().Truncate(time.Second)}
	f.Hosts = i.resolveAll(ctx, r.Server.Addresses)
	source := r.LastSource
	if source.IsValid() {
		f.Source = store.HostFinding{Host: source.String(), Names: i.names(ctx, []netip.Addr{source})}
	}
	f.Probe = i.probe(ctx, &r.Server, f.Hosts, source, byAdmin)
	return f
}

// probe asks the first of a server's addresses that may be asked.
func (i *Inspector) probe(ctx context.Context, s *serverlist.Server, hosts []store.HostFinding, source netip.Addr, byAdmin bool) store.ProbeFinding {
	var left []string
	for _, address := range s.Addresses {
		place, ip, why := i.place(address, hosts)
		if why == "" && !byAdmin {
			why = i.pauseOf(ip, source)
		}
		if why != "" {
			left = append(left, address+": "+why)
			continue
		}
		return i.ask(ctx, s, place)
	}
	return store.ProbeFinding{State: string(probe.Unprobed), Error: clip(left)}
}

// ask probes a server at one address, which is written in digits: what was judged
// is what is asked.
func (i *Inspector) ask(ctx context.Context, s *serverlist.Server, place string) store.ProbeFinding {
	one := *s
	one.Addresses = []string{place}
	ask := i.prober.Connect
	if probe.Knows(one) {
		ask = i.prober.Probe
	}
	live := ask(ctx, one)
	return store.ProbeFinding{
		State: string(live.State), Protocol: live.Protocol, Address: place,
		RTT: live.RTT, Software: live.Software, Error: clip([]string{live.Error}),
	}
}

// Ask asks DNS about the hosts of a listed server and then the server itself,
// at one address after the other until one answers. Nobody is spared for having
// been asked lately: the caller sees to that.
func (i *Inspector) Ask(ctx context.Context, s *serverlist.Server) ([]store.HostFinding, store.ProbeFinding) {
	hosts := i.forwardAll(ctx, s.Addresses)
	found := store.ProbeFinding{State: string(probe.Unprobed)}
	var told []string
	for _, address := range s.Addresses {
		place, _, why := i.place(address, hosts)
		if why == "" {
			one := i.ask(ctx, s, place)
			if one.State == string(probe.Online) {
				return hosts, one
			}
			if one.State == string(probe.Offline) {
				found.State = one.State
			}
			found.Protocol, why = one.Protocol, one.Error
		}
		told = append(told, address+": "+why)
	}
	found.Error = clip(told)
	return hosts, found
}
