package inspect

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// NoSuchName is the error of a host that DNS denies, as opposed to one about
// which nobody answers.
const NoSuchName = "DNS knows no such name"

// What is asked and kept of one request.
const (
	maxHosts     = 4    // host names
	maxAddresses = 8    // of a host
	maxReverse   = 2    // addresses of a host whose names are asked for
	maxNames     = 4    // of them
	maxText      = 1000 // of an error, in bytes
)

// resolveAll asks DNS about the hosts of addresses, each once.
func (i *Inspector) resolveAll(ctx context.Context, addresses []string) []store.HostFinding {
	all := i.forwardAll(ctx, addresses)
	for n := range all {
		all[n].Names = i.names(ctx, all[n].Addresses)
	}
	return all
}

// forwardAll leaves out reverse DNS.
func (i *Inspector) forwardAll(ctx context.Context, addresses []string) []store.HostFinding {
	var all []store.HostFinding
	for _, a := range addresses {
		host := hostOf(a)
		known := slices.ContainsFunc(all, func(f store.HostFinding) bool { return f.Host == host })
		if !known && len(all) < maxHosts {
			all = append(all, i.resolve(ctx, host))
		}
	}
	return all
}

// hostOf returns the host of "host:port" as it is compared.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return strings.ToLower(host)
}

func (i *Inspector) resolve(ctx context.Context, host string) store.HostFinding {
	f := store.HostFinding{Host: host}
	if ip, err := netip.ParseAddr(host); err == nil {
		f.Addresses = []netip.Addr{ip.Unmap()}
	} else {
		f.Addresses, f.Error = i.addresses(ctx, host)
	}
	return f
}

func (i *Inspector) addresses(ctx context.Context, host string) ([]netip.Addr, string) {
	ctx, cancel := context.WithTimeout(ctx, i.cfg.Timeout)
	defer cancel()
	ips, err := i.cfg.Resolver.LookupNetIP(ctx, "ip", host)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return nil, NoSuchName
	case err != nil:
		return nil, "DNS cannot be asked now, or does not answer"
	}
	for n := range ips {
		ips[n] = ips[n].Unmap()
	}
	slices.SortFunc(ips, netip.Addr.Compare)
	ips = slices.Compact(ips)
	return ips[:min(len(ips), maxAddresses)], ""
}

// names returns the names that reverse DNS gives addresses. That there are none
// is nothing to speak of.
func (i *Inspector) names(ctx context.Context, ips []netip.Addr) []string {
	var all []string
	for _, ip := range ips[:min(len(ips), maxReverse)] {
		if serverlist.IsPrivateAddress(ip) {
			continue
		}
		all = append(all, i.reverse(ctx, ip)...)
	}
	return all[:min(len(all), maxNames)]
}

func (i *Inspector) reverse(ctx context.Context, ip netip.Addr) []string {
	ctx, cancel := context.WithTimeout(ctx, i.cfg.Timeout)
	defer cancel()
	names, err := i.cfg.Resolver.LookupAddr(ctx, ip.WithZone("").String())
	if err != nil {
		return nil
	}
	var clean []string
	for _, name := range names {
		name = strings.TrimSuffix(name, ".")
		if len(name) <= 255 && serverlist.CheckText(name, 255) == nil {
			clean = append(clean, name)
		}
	}
	slices.Sort(clean)
	return clean
}

// place returns the address in digits that stands for one of a server's, or why
// nobody is to be asked there.
func (i *Inspector) place(address string, hosts []store.HostFinding) (place string, ip netip.Addr, why string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", ip, "is not host:port"
	}
	n := slices.IndexFunc(hosts, func(f store.HostFinding) bool { return f.Host == hostOf(address) })
	if n < 0 {
		return "", ip, "not asked: the request names too many hosts"
	}
	why = hosts[n].Error
	for _, ip := range hosts[n].Addresses {
		if i.cfg.AllowPrivate || !serverlist.IsPrivateAddress(ip) {
			return net.JoinHostPort(ip.String(), port), ip, ""
		}
		why = "not asked: " + ip.String() + " is a private or loopback address"
	}
	if why == "" {
		why = "not asked: the name has no address"
	}
	return "", ip, why
}

func clip(problems []string) string {
	text := strings.Join(problems, "; ")
	if len(text) > maxText {
		return strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}
