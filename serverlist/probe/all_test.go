package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// collect drains a sequence and checks that each index comes exactly once.
func collect(t *testing.T, p *Prober, ctx context.Context, servers []serverlist.Server) []Live {
	t.Helper()
	results := make([]Live, len(servers))
	for i, live := range p.All(ctx, servers) {
		if results[i].State != "" {
			t.Errorf("server %d has two results", i)
		}
		results[i] = live
	}
	for i, live := range results {
		if live.State == "" {
			t.Errorf("server %d has no result", i)
		}
	}
	return results
}

func count(results []Live, state State) (n int) {
	for _, live := range results {
		if live.State == state {
			n++
		}
	}
	return n
}

func TestAllAsksEachHostAtMostEightTimes(t *testing.T) {
	t.Parallel()
	var accepted atomic.Int64
	addr := listener(t, func(conn net.Conn) {
		accepted.Add(1)
		_, _ = conn.Write([]byte(greeting)) // a failure shows in the results
		conn.Close()
	})
	// One victim under many names and entries.
	victim := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	resolver := &names{addresses: make(map[string][]netip.Addr)}
	var servers []serverlist.Server
	for i := range 50 {
		host := fmt.Sprintf("n%d.example", i)
		resolver.addresses[host] = victim
		servers = append(servers, entry(strings.Replace(addr, "127.0.0.1", host, 1)))
	}
	prober := &Prober{AllowPrivate: true, Timeout: time.Minute, Rate: 10000, Resolver: resolver}
	for refresh := 1; refresh <= 2; refresh++ {
		results := collect(t, prober, t.Context(), servers)
		if online, left := count(results, Online), count(results, Unprobed); online != 8 || left != 42 {
			t.Errorf("%d online and %d unprobed, want 8 and 42", online, left)
		}
		for _, live := range results {
			if live.State == Unprobed && !strings.Contains(live.Error, "8 servers of this host were asked already") {
				t.Errorf("the reason is %q", live.Error)
			}
		}
		if n := accepted.Load(); n != int64(8*refresh) {
			t.Errorf("refresh %d: the host saw %d connections, want %d", refresh, n, 8*refresh)
		}
	}
}

func TestOneServerCannotExceedTheBudget(t *testing.T) {
	t.Parallel()
	var dials atomic.Int64
	prober := &Prober{Rate: 10000, dial: func(context.Context, string, netip.AddrPort) (net.Conn, error) {
		dials.Add(1)
		return nil, net.ErrClosed
	}}
	var addresses []string
	for port := range 16 {
		addresses = append(addresses, fmt.Sprintf("192.0.2.1:%d", 1000+port))
	}
	live := prober.Probe(t.Context(), entry(addresses...))
	if live.State != Offline || dials.Load() != 8 {
		t.Errorf("%d connections, want 8; %+v", dials.Load(), live)
	}
}

func TestBudgetCountsHosts(t *testing.T) {
	t.Parallel()
	hosts := (&Prober{PerHost: 2}).newBudget()
	for _, step := range []struct {
		ip   string
		want bool
	}{
		{"2001:db8::1", true}, {"2001:db8::2", true}, {"2001:db8::3", false}, {"2001:db8:0:1::1", true},
		{"192.0.2.1", true}, {"192.0.2.1", true}, {"192.0.2.1", false}, {"192.0.2.2", true},
		// As networks without IPv4 see 192.0.2.1, 192.0.2.2 and others.
		{"64:ff9b::192.0.2.1", false}, {"64:ff9b::192.0.2.2", true}, {"64:ff9b::192.0.2.2", false}, {"64:ff9b::198.51.100.7", true},
	} {
		if got := hosts.take(netip.MustParseAddr(step.ip)); got != step.want {
			t.Errorf("take(%s) = %v", step.ip, got)
		}
	}
}

func TestAllEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	prober := &Prober{Parallel: 4, dial: func(ctx context.Context, _ string, _ netip.AddrPort) (net.Conn, error) {
		cancel() // while the first ones wait for an answer
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	results := collect(t, prober, ctx, distinct(100))
	if n := count(results, Unprobed); n != 100 {
		t.Errorf("%d unprobed, want 100; the first is %+v", n, results[0])
	}
	for _, live := range results {
		if !strings.Contains(live.Error, "called off") {
			t.Errorf("the reason is %q", live.Error)
		}
	}
}

// distinct returns entries on hosts of their own.
func distinct(n int) (servers []serverlist.Server) {
	for i := range n {
		servers = append(servers, entry(fmt.Sprintf("192.0.%d.%d:13327", 2+i/250, 1+i%250)))
	}
	return servers
}

func TestAllStopsWhenTheLoopIsLeft(t *testing.T) {
	t.Parallel()
	var dials atomic.Int64
	prober := &Prober{Parallel: 2, dial: func(context.Context, string, netip.AddrPort) (net.Conn, error) {
		dials.Add(1)
		return nil, net.ErrClosed
	}}
	for range prober.All(t.Context(), distinct(1000)) {
		break
	}
	after := dials.Load()
	if after > 10 {
		t.Errorf("%d servers were asked after the loop was left", after)
	}
	if dials.Load() != after {
		t.Error("probes go on after the loop")
	}
}

func TestNoServers(t *testing.T) {
	t.Parallel()
	collect(t, &Prober{}, t.Context(), nil)
}

func TestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		prober := &Prober{Parallel: 10, Rate: 50, dial: func(context.Context, string, netip.AddrPort) (net.Conn, error) {
			return nil, net.ErrClosed
		}}
		start := time.Now()
		collect(t, prober, t.Context(), distinct(110))
		// The first ten at once, the rest at 50 a second.
		if took := time.Since(start).Round(10 * time.Millisecond); took != 2*time.Second {
			t.Errorf("110 probes took %v, want 2s", took)
		}
	})
}

// A server that answers nowhere costs its Timeout, however many addresses it
// lists, and each of them gets a share.
func TestTimeoutCoversAllAddresses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		prober := &Prober{dial: func(ctx context.Context, _ string, to netip.AddrPort) (net.Conn, error) {
			asked = append(asked, to.String())
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		start := time.Now()
		live := prober.Probe(t.Context(), entry("192.0.2.1:1", "[2001:db8::1]:1"))
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("took %v, want 4s", took)
		}
		if want := "192.0.2.1:1 [2001:db8::1]:1"; strings.Join(asked, " ") != want {
			t.Errorf("asked %q, want %s", asked, want)
		}
		if live.State != Offline || strings.Count(live.Error, "no answer in time") != 2 {
			t.Errorf("got %+v", live)
		}
	})
}

// Waiting for the rate limit takes nothing of the server's time.
func TestWaitingCostsNoTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var given []time.Duration
		prober := &Prober{Parallel: 1, Rate: 1, Timeout: time.Second, dial: func(ctx context.Context, _ string, _ netip.AddrPort) (net.Conn, error) {
			deadline, _ := ctx.Deadline()
			given = append(given, time.Until(deadline))
			return nil, net.ErrClosed
		}}
		start := time.Now()
		for range 3 {
			prober.Probe(t.Context(), entry("192.0.2.1:1", "192.0.2.2:1"))
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("six connections took %v, want 5s", took)
		}
		for i, left := range given {
			if left != time.Second {
				t.Errorf("connection %d has %v, want 1s", i, left)
			}
		}
	})
}
