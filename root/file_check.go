package root

import "github.com/signed-metaserver/metaserver/root/alive"

// checkSection is [check] of root.toml.
type checkSection struct {
	Requests  *bool    `toml:"requests"`
	Entries   span     `toml:"entries"`
	WarnAfter span     `toml:"warn_after"`
	Grace     span     `toml:"grace"`
	TCP       []string `toml:"tcp"`
}

// requestsOff tells whether nobody is to look at the servers of requests.
func (s checkSection) requestsOff() bool { return s.Requests != nil && !*s.Requests }

// policy says how the servers of entries are looked at.
func (s checkSection) policy() (p alive.Policy, off bool) {
	return alive.Policy{Every: s.Entries.Duration, WarnAfter: s.WarnAfter.Duration, Grace: s.Grace.Duration, TCP: s.TCP}, s.Entries.off
}
