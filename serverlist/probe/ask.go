package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

const (
	maxResolved = 4           // addresses tried of one name
	minShare    = time.Second // of the time left that one lookup or connection gets at least
)

// errNotAsked marks the errors of servers that were left alone on purpose.
var errNotAsked = errors.New("not asked")

// errCalledOff is the error of a probe whose caller's context has ended.
var errCalledOff = fmt.Errorf("%w: the probe was called off", errNotAsked)

// An asking is one probe of one server under way.
type asking struct {
	*Prober
	proto *protocol
	hosts *budget
	left  time.Duration // of the time for this server
}

// server tries an entry's addresses in their order until one answers.
func (a *asking) server(ctx context.Context, s serverlist.Server) Live {
	if len(s.Addresses) == 0 {
		return Live{State: Unprobed, Error: "the entry has no address"}
	}
	failed := Live{State: Unprobed}
	var told []string
	for i, address := range s.Addresses {
		live, err := a.address(ctx, address, s.Probe, len(s.Addresses)-i-1)
		if err == nil {
			live.State, live.Address = Online, address
			return live
		}
		if !errors.Is(err, errNotAsked) {
			failed.State = Offline
		}
		told = append(told, address+": "+explain(err))
	}
	failed.Error = strings.Join(told, "; ")
	return failed
}

// address asks at one address of the entry. others is the number of addresses
// that want a share of the time after it.
func (a *asking) address(ctx context.Context, address string, hint *serverlist.Probe, others int) (Live, error) {
	host, port, err := splitAddress(address, hint)
	if err != nil {
		return Live{}, err
	}
	ips, err := a.resolve(ctx, host, others)
	if err != nil {
		return Live{}, err
	}
	var failure error
	for i, ip := range ips {
		live, err := a.host(ctx, netip.AddrPortFrom(ip, port), others+len(ips)-i-1)
		if err == nil {
			return live, nil
		}
		// What an asked address says tells more than why another was left alone.
		if failure == nil || !errors.Is(err, errNotAsked) {
			failure = err
		}
	}
	return Live{}, failure
}

// splitAddress returns where to ask: the port is that of the probe member
// where it has one.
func splitAddress(address string, hint *serverlist.Probe) (host string, port uint16, err error) {
	if err := serverlist.CheckAddress(address); err != nil {
		return "", 0, fmt.Errorf("%w: %v", errNotAsked, err)
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %v", errNotAsked, err)
	}
	if hint != nil && hint.Port != 0 {
		text = strconv.Itoa(hint.Port)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%w: %q is no port", errNotAsked, text)
	}
	return host, uint16(n), nil
}

// resolve returns the addresses of a host that may be asked. The name is
// looked up once: what is judged here is what is dialled.
func (a *asking) resolve(ctx context.Context, host string, others int) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return a.allowed([]netip.Addr{ip})
	}
	var ips []netip.Addr
	err := a.act(ctx, others+1, func(ctx context.Context) (err error) {
		resolver := a.Resolver
		if resolver == nil {
			resolver = net.DefaultResolver
		}
		ips, err = resolver.LookupNetIP(ctx, "ip", host)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.allowed(ips)
}

// allowed returns those addresses that may be asked, at most maxResolved.
func (a *asking) allowed(ips []netip.Addr) (allowed []netip.Addr, err error) {
	for _, ip := range ips {
		ip = ip.Unmap()
		if e := judge(ip, a.AllowPrivate); e != nil {
			err = fmt.Errorf("%w: %v", errNotAsked, e)
		} else if len(allowed) < maxResolved {
			allowed = append(allowed, ip)
		}
	}
	if len(allowed) > 0 {
		return allowed, nil
	}
	if err == nil {
		err = fmt.Errorf("%w: the host name has no address", errNotAsked)
	}
	return nil, err
}

// host holds the conversation with one IP address and port.
func (a *asking) host(ctx context.Context, to netip.AddrPort, others int) (live Live, err error) {
	if !a.hosts.take(to.Addr()) {
		return live, fmt.Errorf("%w: %d servers of this host were asked already", errNotAsked, a.hosts.most)
	}
	err = a.act(ctx, others, func(ctx context.Context) error {
		start := time.Now()
		conn, err := a.dial(ctx, a.proto.network, to)
		if err != nil {
			return err
		}
		defer conn.Close()
		live.RTT = milliseconds(time.Since(start))
		// The end of the context, for whatever reason, ends all waiting on the connection.
		stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		defer stop()
		return a.proto.ask(conn, &live)
	})
	return live, err
}

// act runs one lookup or connection: it waits for the rate limit, which takes
// nothing of the server's time, and gives f its share of the time left when
// others may follow.
func (a *asking) act(ctx context.Context, others int, f func(context.Context) error) error {
	if err := a.limit.Wait(ctx); err != nil {
		return errCalledOff
	}
	share := min(max(a.left/time.Duration(others+1), minShare), a.left)
	timed, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	start := time.Now()
	err := f(timed)
	a.left -= time.Since(start)
	if err != nil && ctx.Err() != nil {
		return errCalledOff
	}
	return err
}

// milliseconds rounds to microseconds.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
