package inspect

import (
	"fmt"
	"net/netip"
	"time"
)

// maxRemembered is how many hosts and sources are remembered. Beyond it nobody
// else is connected to until some are forgotten.
const maxRemembered = 50_000

// A pause is how often something was done since a time.
type pause struct {
	since time.Time
	times int
}

// pauses are those of hosts or sources.
type pauses map[netip.Prefix]pause

// pauseOf takes one connection to a host for a source. It returns why there is
// to be none, "" if there may be one.
func (i *Inspector) pauseOf(ip, source netip.Addr) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.hosts == nil {
		i.hosts, i.spent = make(pauses), make(pauses)
	}
	now := i.cfg.Now()
	host, from := blockOf(ip), blockOf(source)
	if i.hosts.count(host, now, i.cfg.HostPause) > 0 {
		return fmt.Sprintf("not asked: the root has asked at this host less than %s ago", i.cfg.HostPause)
	}
	if i.spent.count(from, now, i.cfg.HostPause) >= i.cfg.SourceHosts {
		return fmt.Sprintf("not asked: %d hosts were asked lately for requests of the same source", i.cfg.SourceHosts)
	}
	if !i.hosts.add(host, now, i.cfg.HostPause) || !i.spent.add(from, now, i.cfg.HostPause) {
		return "not asked: the root has asked at too many hosts lately"
	}
	return ""
}

// blockOf is what one subscriber has: an IPv4 address or an IPv6 /64.
func blockOf(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap()
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.WithZone("").Prefix(bits) // the zero Prefix for the zero Addr
	return p
}

// count returns how often something was done within the time.
func (p pauses) count(key netip.Prefix, now time.Time, within time.Duration) int {
	if one, ok := p[key]; ok && now.Sub(one.since) < within {
		return one.times
	}
	return 0
}

// add counts one more. It returns false when there is no room to remember it.
func (p pauses) add(key netip.Prefix, now time.Time, within time.Duration) bool {
	if n := p.count(key, now, within); n > 0 {
		p[key] = pause{p[key].since, n + 1}
		return true
	}
	if len(p) >= maxRemembered {
		for k, one := range p {
			if now.Sub(one.since) >= within {
				delete(p, k)
			}
		}
	}
	if len(p) >= maxRemembered {
		return false
	}
	p[key] = pause{now, 1}
	return true
}
