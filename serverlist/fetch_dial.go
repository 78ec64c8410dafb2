package serverlist

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// A list comes from the network and names addresses. None of them may make the
// player's computer talk to the router, the printer or itself, unless the user
// named such an address first.

// A privateError refuses an address.
type privateError struct {
	address    string
	redirected bool
}

func (e *privateError) Error() string {
	if e.redirected {
		return fmt.Sprintf("redirects from a public to the private address %s: a captive portal, or a mirror that wants to reach into this network", e.address)
	}
	return fmt.Sprintf("%s is a private address: a list may not make this computer talk to its own network; if the mirror is meant to be there, allow private addresses", e.address)
}

// dialer judges every address after its name was resolved, so that a name
// cannot resolve to something else the second time.
func (f *Fetcher) dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout: timeout,
		ControlContext: func(ctx context.Context, _, address string, _ syscall.RawConn) error {
			r := routeOf(ctx)
			ap, err := netip.ParseAddrPort(address)
			if err != nil || r.proxied.Load() {
				return err
			}
			return f.checkAddress(ap.Addr(), address, r)
		},
	}
}

// checkHost judges what a URL shows of its host before anything is dialled:
// the address if it is written as one. A name is judged when it is dialled.
func (f *Fetcher) checkHost(u *url.URL, r *route) error {
	r.target.Store(targetOf(u))
	r.pinned.Store(f.isPinned(u.Host))
	if !isPrivateHost(u.Hostname()) {
		return nil
	}
	addr, _ := netip.ParseAddr(u.Hostname())
	if !addr.IsValid() {
		addr = netip.IPv6Loopback() // localhost
	}
	return f.checkAddress(addr, u.Host, r)
}

func (f *Fetcher) checkAddress(addr netip.Addr, shown string, r *route) error {
	switch {
	case !IsPrivateAddress(addr):
		return nil
	case r.fromPublic.Load():
		return &privateError{shown, true}
	case r.pinned.Load() || f.allowsPrivate():
		return nil
	}
	return &privateError{shown, false}
}

func (f *Fetcher) isPinned(host string) bool {
	for _, p := range f.Pinned {
		if u, err := url.Parse(p); err == nil && strings.EqualFold(u.Host, host) {
			return true
		}
	}
	return false
}

// allowsPrivate tells whether the user chose a private network.
func (f *Fetcher) allowsPrivate() bool {
	if f.AllowPrivate {
		return true
	}
	for _, p := range f.Pinned {
		if u, err := url.Parse(p); err == nil && isPrivateHost(u.Hostname()) {
			return true
		}
	}
	return false
}

// isPrivateHost tells whether a host is written as a private address or is
// the computer itself by name.
func isPrivateHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && IsPrivateAddress(addr)
}

// IsPrivateAddress tells whether an address is anything but one of the public
// internet: loopback, private, link-local, multicast, reserved, or an IPv6
// address that leads to such an IPv4 one. What lists name must not be dialled
// there unless the user wants that.
func IsPrivateAddress(addr netip.Addr) bool {
	addr = embeddedIPv4(addr.Unmap().WithZone(""))
	if !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return true
	}
	for _, p := range specialPrefixes() {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// specialPrefixes are ranges of the IANA registries of special-purpose
// addresses that net/netip does not tell apart.
func specialPrefixes() [9]netip.Prefix {
	prefix := func(bits int, bytes ...byte) netip.Prefix {
		var a4 [4]byte
		copy(a4[:], bytes)
		return netip.PrefixFrom(netip.AddrFrom4(a4), bits)
	}
	prefix6 := func(bits int, bytes ...byte) netip.Prefix {
		var a16 [16]byte
		copy(a16[:], bytes)
		return netip.PrefixFrom(netip.AddrFrom16(a16), bits)
	}
	return [...]netip.Prefix{
		prefix(8, 0),                           // this network
		prefix(10, 100, 64),                    // shared address space of providers and overlay networks
		prefix(24, 192, 0, 0),                  // protocol assignments
		prefix(15, 198, 18),                    // benchmarks between devices
		prefix(4, 240),                         // reserved
		prefix6(96),                            // IPv4 inside IPv6, deprecated
		prefix6(10, 0xFE, 0xC0),                // site-local, deprecated and still routed in places
		prefix6(32, 0x20, 0x01),                // Teredo: the address behind it is not known
		prefix6(48, 0, 0x64, 0xFF, 0x9B, 0, 1), // local NAT64
	}
}

// embeddedIPv4 returns the IPv4 address that a NAT64 or 6to4 address leads to.
func embeddedIPv4(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	b := a.As16()
	switch {
	case [12]byte(b[:12]) == [12]byte{0, 0x64, 0xFF, 0x9B}: // RFC 6052, well-known prefix
		return netip.AddrFrom4([4]byte(b[12:]))
	case b[0] == 0x20 && b[1] == 0x02: // RFC 3056
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}
