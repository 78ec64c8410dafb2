package alive

import (
	"net/netip"
	"slices"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// prove remembers that a server on the Internet answers.
func (c *Checker) prove(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = now
}

// proven tells whether the root's own network is known to work: then those that
// are silent are silent, however many. What was seen counts until every server
// was looked at once more.
func (c *Checker) proven(now time.Time) bool {
	c.mu.Lock()
	answered := c.answered
	c.mu.Unlock()
	return !answered.IsZero() && now.Sub(answered) < c.cfg.Policy.Every || c.cfg.Reached()
}

// isFar tells whether a server with these hosts is on the Internet, as far as is
// known: one beside the root says nothing about the way to others.
func isFar(hosts []store.HostFinding) bool {
	return !slices.ContainsFunc(hosts, func(h store.HostFinding) bool {
		ip, err := netip.ParseAddr(h.Host)
		return err == nil && serverlist.IsPrivateAddress(ip) || slices.ContainsFunc(h.Addresses, serverlist.IsPrivateAddress)
	})
}
