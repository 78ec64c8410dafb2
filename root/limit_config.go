package root

import (
	"fmt"
	"net/netip"
)

// Defaults of [Limits].
const (
	DefaultConnections          = 4096
	DefaultConnectionsPerSource = 64
)

// reservedFiles are the descriptors that public connections leave to the admin
// listener, the database, targets and mirrors.
const reservedFiles = 256

// Limits bound what the public listener bears. Zero fields: the defaults.
type Limits struct {
	Connections          int `toml:"connections"`            // open at once
	ConnectionsPerSource int `toml:"connections_per_source"` // of one IPv4 address or IPv6 /64; eight times as many of its /24 or /48

	ProofOfWork string `toml:"proof_of_work"` // when registrations need one: WorkOff, WorkFlood or WorkAlways; "": WorkFlood
}

func (l *Limits) setDefaults() {
	setDefault(&l.Connections, DefaultConnections)
	setDefault(&l.ConnectionsPerSource, DefaultConnectionsPerSource)
	setDefault(&l.ProofOfWork, WorkFlood)
}

func (l *Limits) check() error {
	if l.Connections < 0 || l.ConnectionsPerSource < 0 {
		return fmt.Errorf("[limits]: connections = %d, connections_per_source = %d: write numbers from 1", l.Connections, l.ConnectionsPerSource)
	}
	switch l.ProofOfWork {
	case "", WorkOff, WorkFlood, WorkAlways:
		return nil
	}
	return fmt.Errorf("[limits]: proof_of_work = %q: write %q, %q or %q", clip(l.ProofOfWork), WorkOff, WorkFlood, WorkAlways)
}

// connections returns how many there may be, given the descriptors that the
// process may have; warning is not empty if that is less than configured.
func (l *Limits) connections(files int) (n int, warning string) {
	if most := max(files-reservedFiles, files/2); l.Connections > most {
		return most, fmt.Sprintf("this process may open %d files, so the public listener takes %d connections at once and not %d; raise the limit (systemd: LimitNOFILE=%d) or lower connections in [limits]",
			files, most, l.Connections, l.Connections+reservedFiles)
	}
	return l.Connections, ""
}

// newPublicConns makes the limiter of the public listener. A trusted proxy has
// the connections of many; this machine is exempt as it is elsewhere.
func (c *Config) newPublicConns(trusted proxies) (l *connLimiter, warning string) {
	n, warning := c.Limits.connections(maxFiles())
	exempt := func(a netip.Addr) bool { return trusted.trusts(a) || a.IsLoopback() && !c.LimitLoopback }
	return newConnLimiter(n, c.Limits.ConnectionsPerSource, exempt), warning
}
