package probe

import (
	"context"
	"iter"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// All asks every server and yields its index and result, in the order in which
// they come in. Every server gets a result: when the context ends, the rest
// are yielded as unprobed. Nothing is asked before the sequence is used, and
// leaving the loop early calls the other probes off and waits for them.
func (p *Prober) All(ctx context.Context, servers []serverlist.Server) iter.Seq2[int, Live] {
	return func(yield func(int, Live) bool) {
		ctx, cancel := context.WithCancel(ctx)
		results := p.start(ctx, servers)
		defer func() {
			cancel()
			for range results {
			}
		}()
		for r := range results {
			if !yield(r.index, r.live) {
				return
			}
		}
	}
}

type result struct {
	index int
	live  Live
}

// start probes with a fixed number of workers and returns the channel of their
// results, which is closed when all have ended. It must be read to its end.
func (p *Prober) start(ctx context.Context, servers []serverlist.Server) <-chan result {
	results := make(chan result)
	hosts := p.newBudget()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(orDefault(p.Parallel, defaultParallel), len(servers)) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(servers) {
					return
				}
				results <- result{i, p.probe(ctx, servers[i], hosts)}
			}
		})
	}
	go func() {
		workers.Wait()
		close(results)
	}()
	return results
}

// A budget counts the connections of one refresh to each host, so that a list
// whose entries all name one victim, under whatever names, does not make every
// reader of the list connect to it a thousand times.
type budget struct {
	most int

	mu   sync.Mutex
	used map[netip.Prefix]int
}

func (p *Prober) newBudget() *budget {
	return &budget{most: orDefault(p.PerHost, defaultPerHost), used: make(map[netip.Prefix]int)}
}

// take reports whether one more connection to ip is within the budget, and
// counts it.
func (b *budget) take(ip netip.Addr) bool {
	host := hostOf(ip)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used[host] >= b.most {
		return false
	}
	b.used[host]++
	return true
}

// hostOf returns what counts as one host. All of an IPv6 /64 does: whoever has
// one address of it has them all. The exception are the addresses under which a
// network without IPv4 sees all hosts that have nothing else (RFC 6052).
func hostOf(ip netip.Addr) netip.Prefix {
	if b := ip.As16(); [12]byte(b[:12]) == [12]byte{0, 0x64, 0xFF, 0x9B} {
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(ip, bits).Masked()
}
