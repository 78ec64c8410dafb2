package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/signed-metaserver/metaserver/serverlist"
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
	case !allowPrivate && serverlist.IsPrivateAddress(ip):
		return fmt.Errorf("%s is a private or loopback address, which is another machine for every player", ip)
	}
	return nil
}
