package root

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// A source is where a request comes from.
type source struct {
	addr  netip.Addr // of the peer of the connection, or what a trusted proxy says
	local bool       // a program on this machine sent it on its own behalf
	proof *sentProof // the proof of work that came with the request; nil: none
}

// proxies are those whose word about the source of a request is taken.
type proxies []netip.Prefix

// parseProxies reads addresses and prefixes.
func parseProxies(list []string) (proxies, error) {
	var out proxies
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

func (p proxies) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(one netip.Prefix) bool { return one.Contains(addr) })
}

// sourceOf reads the peer's address. Headers that proxies add are not believed
// unless the peer is trusted: anybody can send them. They do say one thing that
// costs their sender something: the request was passed on, so it is not this
// machine's own. Neither is one that a trusted proxy sent.
func (p proxies) sourceOf(r *http.Request) source {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return source{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	if p.trusts(addr) {
		return source{addr: p.origin(r.Header, addr)}
	}
	return source{addr: addr, local: addr.IsLoopback() && !forwarded(r.Header)}
}

// origin returns the last address in X-Forwarded-For that is not a trusted
// proxy's: each proxy appends its peer, so that what stands before is the
// sender's word. Without such an address the request counts as the proxy's.
func (p proxies) origin(h http.Header, proxy netip.Addr) netip.Addr {
	hops := strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		if addr = addr.Unmap().WithZone(""); !p.trusts(addr) {
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

// warnings are sentences about a configuration that is most likely wrong.
func (c *Config) warnings() (all []string) {
	if w := c.proxyWarning(); w != "" {
		all = append(all, w)
	}
	if c.Listen != ListenNone {
		return all
	}
	if len(c.Targets) == 0 {
		all = append(all, `there is no public listener and no [[target]], so that what is published gets no further than the folder public on this machine`)
	}
	if c.PublicURL == "" {
		all = append(all, `there is no public listener and no public_url, so that the mirror list has no entry of the root: set public_url to where the world finds a target`)
	}
	return all
}

// proxyWarning says what goes wrong when a proxy on this machine, of which the
// configuration knows nothing, passes the world's requests on; "": there is
// none, as far as can be told.
func (c *Config) proxyWarning() string {
	public, err := url.Parse(c.PublicURL)
	if c.PublicURL == "" || err != nil || isLoopbackHost(public.Hostname()) {
		return ""
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil || !isLoopbackHost(host) || len(c.TrustedProxies) > 0 || c.LimitLoopback {
		return ""
	}
	return `public_url is for the world and the public listener on loopback, so a proxy on this machine passes requests on, and root.toml names none. ` +
		`If it adds no X-Forwarded-For, everybody counts as this machine: without a limit, and free to register private addresses; if it does, all the world counts as one source. ` +
		`Set trusted_proxies = ["127.0.0.1", "::1"] in root.toml, and let the proxy add the header (nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;)`
}

func isLoopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || host == "localhost"
}
