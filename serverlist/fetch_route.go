package serverlist

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"sync/atomic"
)

// A route is what is known of a request on its way through redirects.
type route struct {
	target     atomic.Value // string: host and port of this hop's URL
	pinned     atomic.Bool  // the host of this hop is one that the user chose
	proxied    atomic.Bool  // the address that is dialled is that of the user's proxy
	redirected atomic.Bool  // this is not the first hop
	fromPublic atomic.Bool  // an earlier hop was answered by a public address
	remote     atomic.Pointer[netip.Addr]
}

type routeKey struct{}

// withRoute returns the context of a request. Whatever transport of net/http is
// below tells it of its connections before it writes to them: one to an address
// that must not be asked is closed, and refuse gets the reason.
func (f *Fetcher) withRoute(ctx context.Context, r *route, refuse context.CancelCauseFunc) context.Context {
	ctx = context.WithValue(ctx, routeKey{}, r)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(hostPort string) {
			proxied := hostPort != r.target.Load() // hosts are plain ASCII: no spelling differs
			r.proxied.Store(proxied)
			if proxied {
				f.proxySeen.Store(true)
			}
		},
		GotConn: func(info httptrace.GotConnInfo) {
			addr, known := f.remoteOf(info)
			if !known || r.proxied.Load() {
				return
			}
			r.remote.Store(&addr)
			if err := f.checkAddress(addr, info.Conn.RemoteAddr().String(), r); err != nil {
				refuse(err)
				info.Conn.Close() // or the request might still be written
			}
		},
	})
}

// remoteOf returns the address at the other end of a connection. Of an HTTP/2
// connection that is in use already nobody tells whether a proxy is in between:
// where there are proxies its address is not known. It was judged when it was
// new.
func (f *Fetcher) remoteOf(info httptrace.GotConnInfo) (addr netip.Addr, known bool) {
	if c, ok := info.Conn.(*tls.Conn); ok && info.Reused && c.ConnectionState().NegotiatedProtocol == "h2" && f.proxySeen.Load() {
		return addr, false
	}
	ap, err := netip.ParseAddrPort(info.Conn.RemoteAddr().String())
	return ap.Addr(), err == nil
}

// targetOf returns the host and port that a transport connects to for a URL if
// there is no proxy.
func targetOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// routeOf returns the route of a request; an empty one for a dial that the
// transport began on its own.
func routeOf(ctx context.Context) *route {
	if r, ok := ctx.Value(routeKey{}).(*route); ok {
		return r
	}
	return &route{}
}

// atPublic tells whether the hop that just answered is at a public address. A
// transport of the caller's own may not say; then its name decides.
func (r *route) atPublic(host string) bool {
	if addr := r.remote.Swap(nil); addr != nil && !r.proxied.Load() {
		return !IsPrivateAddress(*addr)
	}
	return !isPrivateHost(host)
}
