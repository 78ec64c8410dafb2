package inspect_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/root/inspect"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// names is what DNS says: addresses by name, and names by address.
type names map[string][]string

func (n names) LookupNetIP(_ context.Context, _, host string) (ips []netip.Addr, err error) {
	for _, text := range n[host] {
		ips = append(ips, netip.MustParseAddr(text))
	}
	if len(ips) == 0 {
		err = &net.DNSError{Name: host, IsNotFound: true}
	}
	return ips, err
}

func (n names) LookupAddr(_ context.Context, address string) ([]string, error) {
	if len(n[address]) == 0 {
		return nil, &net.DNSError{Name: address, IsNotFound: true}
	}
	return n[address], nil
}

// A world is a queue of requests and somebody who looks at them.
type world struct {
	store.Store
	t *testing.T
	*inspect.Inspector

	clock func() time.Time
	wait  func(time.Duration)
}

func newWorld(t *testing.T, dns names, private bool) *world {
	t.Helper()
	clock := serverlisttest.NewClock(time.Date(2026, 11, 3, 11, 42, 0, 0, time.UTC))
	w := &world{t: t, clock: clock.Now, wait: clock.Advance}
	st, err := store.OpenSQLite(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "root.db"), Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	w.Store = st
	w.Inspector, err = inspect.New(inspect.Config{Store: st, Resolver: dns, AllowPrivate: private, SourceHosts: 3, Timeout: time.Minute, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// register puts a request for a server at these addresses into the queue.
func (w *world) register(name, game, source string, addresses ...string) string {
	w.t.Helper()
	r, err := w.Register(w.t.Context(), store.Request{
		Server: serverlist.Server{Name: name, Game: game, Description: "d", Addresses: addresses},
		Email:  name + "@example.org", Source: netip.MustParseAddr(source), Token: store.NewToken().Hash(),
	}, store.Limits{Queue: -1})
	if err != nil {
		w.t.Fatal(err)
	}
	return r.ID
}

// found looks at all new requests and returns what is known of one.
func (w *world) found(id string) store.Review {
	w.t.Helper()
	if err := w.All(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	r, err := w.Review(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	if r.Findings == nil {
		w.t.Fatalf("nothing was found out about %s", id)
	}
	return r
}

// greeter is a server that greets whoever connects, and counts them.
func greeter(t *testing.T, greeting string) (address string, greeted func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	n := 0
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			n++
			mu.Unlock()
			fmt.Fprint(c, greeting)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	return l.Addr().String(), func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

const crossfire = "\x00\x1eversion 1023 1030 Crossfire X\n"

func TestFindings(t *testing.T) {
	t.Parallel()
	address, _ := greeter(t, crossfire)
	_, port, _ := net.SplitHostPort(address)
	w := newWorld(t, names{
		"cat.example.org": {"127.0.0.1"}, "198.51.100.7": {"host\x1b[2J.example.net.", "host-7.example.net."},
	}, true)
	id := w.register("Cat", "crossfire", "198.51.100.7", "CAT.example.org:"+port)
	f := w.found(id).Findings
	if f.Probe.State != "online" || f.Probe.Protocol != "crossfire" || f.Probe.Software != "Crossfire X" || f.Probe.Address != address {
		t.Errorf("probe %+v", f.Probe)
	}
	if len(f.Hosts) != 1 || f.Hosts[0].Host != "cat.example.org" || fmt.Sprint(f.Hosts[0].Addresses) != "[127.0.0.1]" {
		t.Errorf("hosts %+v", f.Hosts)
	}
	if fmt.Sprint(f.Source.Names) != "[host-7.example.net]" {
		t.Errorf("names of the source %q: what could disturb a terminal is left out", f.Source.Names)
	}
}

// A game without a probe is connected to, and what answers wrongly is no server.
func TestWhatAnswers(t *testing.T) {
	t.Parallel()
	mute, _ := greeter(t, "")
	_, port, _ := net.SplitHostPort(mute)
	w := newWorld(t, names{}, true)
	if f := w.found(w.register("Any", "chess", "192.0.2.1", mute)).Findings; f.Probe.State != "online" || f.Probe.Protocol != "tcp" {
		t.Errorf("a connection: %+v", f.Probe)
	}
	if f := w.found(w.register("Fire", "crossfire", "192.0.2.1", "127.0.0.2:"+port)).Findings; f.Probe.State != "offline" {
		t.Errorf("a server of something else: %+v", f.Probe)
	}
	if f := w.found(w.register("None", "crossfire", "192.0.2.1", "nowhere.example.org:1")).Findings; f.Probe.State != "unprobed" || f.Hosts[0].Error != "DNS knows no such name" {
		t.Errorf("a name that does not exist: %+v", f)
	}
}

// Nobody makes the root connect to private addresses, by whatever name, or to
// one host again and again.
func TestNoScannerForHire(t *testing.T) {
	t.Parallel()
	address, greeted := greeter(t, crossfire)
	_, port, _ := net.SplitHostPort(address)
	w := newWorld(t, names{"inside.example.org": {"127.0.0.1"}}, false)
	f := w.found(w.register("In", "crossfire", "192.0.2.1", "inside.example.org:"+port)).Findings
	if f.Probe.State != "unprobed" || !strings.Contains(f.Probe.Error, "private") || greeted() != 0 {
		t.Errorf("a private address behind a name: %+v, greeted %d", f.Probe, greeted())
	}

	w = newWorld(t, names{"a.example.org": {"127.0.0.1"}}, true)
	w.found(w.register("A", "crossfire", "192.0.2.1", address))
	b := w.register("B", "crossfire", "192.0.2.9", "a.example.org:"+port) // another name, port and source make no other host
	if f := w.found(b).Findings; f.Probe.State != "unprobed" || !strings.Contains(f.Probe.Error, "less than") || greeted() != 1 {
		t.Errorf("the same host at once: %+v, greeted %d", f.Probe, greeted())
	}
	r, err := w.Review(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := w.Look(t.Context(), r.Registration); err != nil || f.Probe.State != "online" || greeted() != 2 {
		t.Errorf("for an admin: %+v, %v, greeted %d", f.Probe, err, greeted())
	}
	w.wait(11 * time.Minute)
	w.register("B", "crossfire", "192.0.2.9", "a.example.org:"+port) // the same again is looked at only if it changed
	if err := w.All(t.Context()); err != nil || greeted() != 2 {
		t.Errorf("an unchanged request: %v, greeted %d", err, greeted())
	}
	if f := w.found(w.register("C", "crossfire", "192.0.2.9", address)).Findings; f.Probe.State != "online" {
		t.Errorf("after the pause: %+v", f.Probe)
	}
	for n := 2; n <= 3; n++ { // with C the share of the source
		w.found(w.register(fmt.Sprint(n), "chess", "192.0.2.9", fmt.Sprintf("127.0.0.%d:1", n)))
	}
	if f := w.found(w.register("4", "chess", "192.0.2.9", "127.0.0.4:1")).Findings; !strings.Contains(f.Probe.Error, "same source") {
		t.Errorf("many hosts for one source: %+v", f.Probe)
	}
}

// Two names that lead to one address are shown as such, and go on being
// compared when one is listed.
func TestNamesOfOneAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, names{"a.example.org": {"192.0.2.80"}, "b.example.org": {"192.0.2.80"}}, false)
	a := w.register("A", "chess", "192.0.2.1", "a.example.org:5000")
	w.found(a)
	if _, err := w.Approve(t.Context(), store.Approval{Registration: a, Admin: "alice"}); err != nil {
		t.Fatal(err)
	}
	b := w.found(w.register("B", "chess", "198.51.100.1", "b.example.org:5000"))
	want := store.Conflict{Kind: store.SameHost, Value: "192.0.2.80:5000", Entry: "a"}
	if len(b.Conflicts) != 1 || b.Conflicts[0] != want {
		t.Errorf("%+v, want %+v", b.Conflicts, want)
	}
	if c := w.found(w.register("C", "chess", "198.51.100.1", "b.example.org:5001")); len(c.Conflicts) != 0 {
		t.Errorf("another port: %+v", c.Conflicts)
	}
}
