package root

import (
	"fmt"

	"github.com/signed-metaserver/metaserver/root/limit"
)

// Defaults of [Limits].
const (
	DefaultConnections          = 4096
	DefaultConnectionsPerSource = 64
)

// Limits bound what the public listener bears. Zero fields: the defaults.
type Limits struct {
	Connections          int `toml:"connections"`            // open at once
	ConnectionsPerSource int `toml:"connections_per_source"` // of one IPv4 address or IPv6 /64; eight times as many of its /24 or /48

	ProofOfWork string `toml:"proof_of_work"` // when registrations need one: WorkOff, WorkFlood or WorkAlways; "": WorkFlood
}

func (l *Limits) setDefaults() {
	setDefault(&l.Connections, DefaultConnections)
	setDefault(&l.ConnectionsPerSource, DefaultConnectionsPerSource)
	setDefault(&l.ProofOfWork, limit.WorkFlood)
}

func (l *Limits) check() error {
	if l.Connections < 0 || l.ConnectionsPerSource < 0 {
		return fmt.Errorf("[limits]: connections = %d, connections_per_source = %d: write numbers from 1", l.Connections, l.ConnectionsPerSource)
	}
	switch l.ProofOfWork {
	case "", limit.WorkOff, limit.WorkFlood, limit.WorkAlways:
		return nil
	}
	return fmt.Errorf("[limits]: proof_of_work = %q: write %q, %q or %q", clip(l.ProofOfWork), limit.WorkOff, limit.WorkFlood, limit.WorkAlways)
}
