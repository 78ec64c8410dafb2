package limit

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/signed-metaserver/metaserver/root/store"
)

// Conns bounds the open connections of the public listener: of each IPv4 address
// or IPv6 /64, of the network around it, and in all, so that neither descriptors
// nor memory run out and the admin listener always has some left. Its Track is
// the ConnState hook of an http.Server.
//
// When all places are taken, a newcomer gets the place of a connection that
// waits for a request, whichever comes first; or, if all of them work, one of a
// source that holds at least two more than the newcomer's own. So whoever holds
// many places, and be it by reading slowly, keeps nobody out who has none.
type Conns struct {
	all, perSource int
	exempt         func(netip.Addr) bool // counted in all only: proxies, this machine

	mu    sync.Mutex
	conns map[net.Conn]*connPlace
	held  map[netip.Prefix]int // connections of each source and of each network
}

// A connPlace is what an open connection takes.
type connPlace struct {
	source, network netip.Prefix // zero: not counted
	works           bool         // a request is being answered
}

// NewConns makes a limiter of so many connections, if this process may open as
// many files; else warning says what to do. A source for which exempt is true is
// not counted by itself.
func NewConns(all, perSource int, exempt func(netip.Addr) bool) (l *Conns, warning string) {
	n, warning := affordable(all, maxFiles())
	return newConns(n, perSource, exempt), warning
}

func newConns(all, perSource int, exempt func(netip.Addr) bool) *Conns {
	return &Conns{
		all: all, perSource: perSource, exempt: exempt,
		conns: make(map[net.Conn]*connPlace), held: make(map[netip.Prefix]int),
	}
}

// Track follows a connection from its beginning to its end. One for which there
// is no place is closed at once.
func (l *Conns) Track(c net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case http.StateNew:
		l.enter(c)
	case http.StateActive, http.StateIdle:
		if p := l.conns[c]; p != nil {
			p.works = state == http.StateActive
		}
	case http.StateClosed, http.StateHijacked:
		l.leave(c)
	}
}

func (l *Conns) enter(c net.Conn) {
	p := l.placeFor(c)
	if l.tooMany(p) || len(l.conns) >= l.all && !l.makeRoom(p) {
		drop(c)
		return
	}
	l.conns[c] = p
	if p.source.IsValid() {
		l.held[p.source]++
		l.held[p.network]++
	}
}

func (l *Conns) leave(c net.Conn) {
	p := l.conns[c]
	if p == nil {
		return
	}
	delete(l.conns, c)
	if p.source.IsValid() {
		l.release(p.source)
		l.release(p.network)
	}
}

func (l *Conns) release(of netip.Prefix) {
	if l.held[of]--; l.held[of] == 0 {
		delete(l.held, of)
	}
}

func (l *Conns) placeFor(c net.Conn) *connPlace {
	peer, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil { // a socket of this machine
		return &connPlace{}
	}
	src := Source{Addr: peer.Addr().Unmap().WithZone("")}
	if l.exempt(src.Addr) {
		return &connPlace{}
	}
	return &connPlace{source: src.Block(), network: src.Network()}
}

func (l *Conns) tooMany(p *connPlace) bool {
	return p.source.IsValid() &&
		(l.held[p.source] >= l.perSource || l.held[p.network] >= l.perSource*store.NetworkFactor)
}

// makeRoom closes one connection in favour of another, if there is one that can
// be spared.
func (l *Conns) makeRoom(newcomer *connPlace) bool {
	most := l.held[newcomer.source] + 1
	var victim net.Conn
	for c, p := range l.conns { // in no order
		if !p.works {
			victim = c
			break
		}
		if n := l.held[p.source]; n > most {
			most, victim = n, c
		}
	}
	if victim == nil {
		return false
	}
	l.leave(victim)
	drop(victim)
	return true
}

// drop ends a connection at once, without the goodbye of TLS, for which it
// might have to wait.
func drop(c net.Conn) {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0) // leaves nothing behind in the kernel
	}
	c.Close()
}

// reservedFiles are the descriptors that public connections leave to the admin
// listener, the database, targets and mirrors.
const reservedFiles = 256

// affordable returns how many connections there may be, given the descriptors
// that the process may have; warning is not empty if that is less than wanted.
func affordable(connections, files int) (n int, warning string) {
	if most := max(files-reservedFiles, files/2); connections > most {
		return most, fmt.Sprintf("this process may open %d files, so the public listener takes %d connections at once and not %d; raise the limit (systemd: LimitNOFILE=%d) or lower connections in [limits]",
			files, most, connections, connections+reservedFiles)
	}
	return connections, ""
}
