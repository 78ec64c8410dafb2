package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// A dialFunc opens a connection to an address that was judged already.
type dialFunc func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error)

// dialer returns the dialFunc of real networks. It judges again what it is
// about to connect to, so that no path around the first judgement exists.
func dialer(allowPrivate bool) dialFunc {
	d := &net.Dialer{
		Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			return judge(to.Addr().Unmap(), allowPrivate)
		},
	}
	return func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
		return d.DialContext(ctx, network, to.String())
	}
}

// judge tells why an address must not be asked, nil if it may be. Only
// addresses of single machines are ever asked, and private ones only if the
// caller wants that: a public list must not make its readers knock at their
// own routers and printers.
func judge(ip netip.Addr, allowPrivate bool) error {
	switch {
	case ip.Zone() != "":
		return fmt.Errorf("%s has a zone, which means nothing elsewhere", ip)
	case ip.IsUnspecified(), ip.IsMulticast(), ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Errorf("%s is not the address of one machine", ip)
	case !allowPrivate && isLocal(ip):
		return fmt.Errorf("%s is a private or loopback address, which means another machine to everyone", ip)
	}
	return nil
}

// localPrefixes are ranges, beside those that netip knows, whose addresses mean
// different machines at different places, or hide an IPv4 address that may.
var localPrefixes = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),      // this network
	netip.MustParsePrefix("100.64.0.0/10"),  // carrier NAT
	netip.MustParsePrefix("192.0.0.0/24"),   // protocol assignments
	netip.MustParsePrefix("198.18.0.0/15"),  // benchmarks
	netip.MustParsePrefix("240.0.0.0/4"),    // reserved
	netip.MustParsePrefix("::/96"),          // IPv4 inside IPv6, deprecated
	netip.MustParsePrefix("64:ff9b:1::/48"), // NAT64 of one network
	netip.MustParsePrefix("2001::/32"),      // Teredo
	netip.MustParsePrefix("2002::/16"),      // 6to4
	netip.MustParsePrefix("fec0::/10"),      // site-local, deprecated
}

// nat64 is where a resolver on an IPv6-only network puts IPv4 addresses.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// isLocal reports addresses that mean different machines at different places.
func isLocal(ip netip.Addr) bool {
	if nat64.Contains(ip) {
		bytes := ip.As16()
		ip = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() {
		return true
	}
	for _, p := range localPrefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
