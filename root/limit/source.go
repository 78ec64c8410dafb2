// Package limit tells where requests come from, and bears no more of them than a
// root can: so many of a source in a time ([Rate]), so many connections ([Conns]),
// and in a flood of registrations none without a proof of work ([Flood]).
package limit

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// A Source is where a request comes from.
type Source struct {
	Addr  netip.Addr // of the peer of the connection, or what a trusted proxy says
	Local bool       // a program on this machine sent it on its own behalf
	Proof *SentProof // the proof of work that came with the request; nil: none
}

// Proxies are those whose word about the source of a request is taken.
type Proxies []netip.Prefix

// ParseProxies reads addresses and prefixes; the error names the setting
// trusted_proxies.
func ParseProxies(list []string) (Proxies, error) {
	var out Proxies
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if addr, e := netip.ParseAddr(s); e == nil && addr.Zone() == "" {
			addr = addr.Unmap()
			p, err = addr.Prefix(addr.BitLen())
		}
		switch {
		case err != nil || p.Addr().Is4In6():
			return nil, fmt.Errorf("trusted_proxies: %q is not an address or a prefix; write \"127.0.0.1\", \"::1\" or \"10.0.0.0/8\"", s)
		case p.Bits() == 0:
			return nil, fmt.Errorf("trusted_proxies: %q is every address there is, and whoever is trusted may claim to be anybody; name the proxies", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Trusts tells whether the word of an address is taken.
func (p Proxies) Trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(one netip.Prefix) bool { return one.Contains(addr) })
}

// SourceOf reads the peer's address. Headers that proxies add are not believed
// unless the peer is trusted: anybody can send them. They do say one thing that
// costs their sender something: the request was passed on, so it is not this
// machine's own. Neither is one that a trusted proxy sent.
func (p Proxies) SourceOf(r *http.Request) Source {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return Source{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	if p.Trusts(addr) {
		return Source{Addr: p.origin(r.Header, addr)}
	}
	return Source{Addr: addr, Local: addr.IsLoopback() && !forwarded(r.Header)}
}

// origin returns the last address in X-Forwarded-For that is not a trusted
// proxy's: each proxy appends its peer, so that what stands before is the
// sender's word. Without such an address the request counts as the proxy's.
func (p Proxies) origin(h http.Header, proxy netip.Addr) netip.Addr {
	hops := strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		if addr = addr.Unmap().WithZone(""); !p.Trusts(addr) {
			return addr
		}
	}
	return proxy
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

// Network is what the larger limit counts: an IPv4 /24 or an IPv6 /48.
func (s Source) Network() netip.Prefix {
	bits := 24
	if s.Addr.Is6() {
		bits = 48
	}
	p, _ := s.Addr.Prefix(bits)
	return p
}

// Block is what one subscriber has: an IPv4 address or an IPv6 /64.
func (s Source) Block() netip.Prefix {
	bits := 32
	if s.Addr.Is6() {
		bits = 64
	}
	p, _ := s.Addr.Prefix(bits)
	return p
}
