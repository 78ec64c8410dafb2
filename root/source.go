package root

import (
	"net/http"
	"net/netip"
	"strings"
)

// A source is where a request comes from.
type source struct {
	addr  netip.Addr // of the peer of the connection
	local bool       // a program on this machine sent it on its own behalf
}

// sourceOf reads the peer's address. Headers that proxies add are never
// believed: anybody can send them. They do say one thing that costs their
// sender something: the request was passed on, so it is not this machine's own.
func sourceOf(r *http.Request) source {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return source{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	return source{addr: addr, local: addr.IsLoopback() && !forwarded(r.Header)}
}

// forwarded tells whether a proxy has passed the request on.
func forwarded(h http.Header) bool {
	for name := range h { // canonical names
		switch {
		case name == "Forwarded", name == "Via", name == "X-Real-Ip":
			return true
		case strings.HasPrefix(name, "X-Forwarded-"):
			return true
		}
	}
	return false
}

// network is what the larger limit counts: an IPv4 /24 or an IPv6 /48.
func (s source) network() netip.Prefix {
	bits := 24
	if s.addr.Is6() {
		bits = 48
	}
	p, _ := s.addr.Prefix(bits)
	return p
}

// block is what one subscriber has: an IPv4 address or an IPv6 /64.
func (s source) block() netip.Prefix {
	bits := 32
	if s.addr.Is6() {
		bits = 64
	}
	p, _ := s.addr.Prefix(bits)
	return p
}
