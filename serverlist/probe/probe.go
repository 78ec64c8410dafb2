// Package probe asks game servers for live statistics, as a player's launcher
// does beside showing the signed list. What it learns is never part of that
// list, and a probe that fails never removes a server from it.
//
//	prober := &probe.Prober{}
//	for i, live := range prober.All(ctx, list.Servers) {
//		show(list.Servers[i], live)
//	}
//
// A list is signed, but the addresses in it are what server owners gave. The
// package therefore makes sure that a list cannot turn its readers against a
// third party:
//
//   - one refresh opens at most [Prober.PerHost] connections to one host;
//   - a Prober starts at most [Prober.Rate] lookups and connections a second;
//   - private and loopback addresses are refused unless [Prober.AllowPrivate];
//     a name is resolved once, and the address that was judged is dialled;
//   - no protocol here sends more than it receives.
//
// The protocol is the one that an entry's probe member names, else its game.
// Each protocol has a file of its own. A server that is asked learns the
// player's address.
package probe

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// A Prober asks servers. The zero value is ready to use and safe for
// concurrent use; do not copy it or change its fields after the first call.
type Prober struct {
	Timeout      time.Duration    // for one server, with all its addresses, the wait for Rate excepted; 0: 4 s
	Parallel     int              // servers asked at once by All; 0: 32
	PerHost      int              // connections to one IPv4 address (by NAT64, too) or IPv6 /64 in one call of All or Probe; 0: 8
	Rate         int              // lookups and connections started per second, over all calls; 0: 100
	AllowPrivate bool             // ask servers at private and loopback addresses too
	Resolver     Resolver         // nil: net.DefaultResolver
	Now          func() time.Time // nil: time.Now

	once  sync.Once
	limit *rate.Limiter
	dial  dialFunc // set by tests only, before the first call
}

// Defaults of a Prober's fields.
const (
	defaultTimeout  = 4 * time.Second
	defaultParallel = 32
	defaultPerHost  = 8
	defaultRate     = 100
)

// A Resolver looks host names up. A [*net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Probe asks one server. Its addresses are tried in their order until one
// answers as the protocol demands. Whatever goes wrong is told in the result.
func (p *Prober) Probe(ctx context.Context, s serverlist.Server) Live {
	return p.probe(ctx, s, p.newBudget())
}

// probe is Probe within the budget of a refresh.
func (p *Prober) probe(ctx context.Context, s serverlist.Server, hosts *budget) Live {
	p.prepare()
	name, proto := protocolOf(s)
	live := Live{State: Unprobed, Error: noProtocol(name)}
	if proto != nil {
		a := &asking{Prober: p, proto: proto, hosts: hosts, left: orDefault(p.Timeout, defaultTimeout)}
		live = a.server(ctx, s)
	}
	live.Protocol = name
	live.Online = live.State == Online
	live.CheckedAt = p.now().UTC().Truncate(time.Second)
	return live
}

// prepare makes what the calls share.
func (p *Prober) prepare() {
	p.once.Do(func() {
		// The burst lets a short list be asked at once.
		p.limit = rate.NewLimiter(rate.Limit(orDefault(p.Rate, defaultRate)), orDefault(p.Parallel, defaultParallel))
		if p.dial == nil {
			p.dial = dialer(p.AllowPrivate)
		}
	})
}

func (p *Prober) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

func orDefault[N int | time.Duration](n, value N) N {
	if n <= 0 {
		return value
	}
	return n
}

func noProtocol(name string) string {
	if name == "" {
		return "the entry names neither a game nor a probe protocol"
	}
	return fmt.Sprintf("no probe for %q", name)
}
