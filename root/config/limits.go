package config

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

	ProofOfWork string `toml:"proof_of_work"` // when registrations need one: limit.WorkOff, limit.WorkFlood or limit.WorkAlways; "": limit.WorkFlood
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

// Retention says how long people are remembered who have nothing to do with the
// list, in days; negative: for ever.
type Retention struct {
	SourceDays int `toml:"source_days"` // addresses that requests and reports came from; 0: DefaultSourceDays
	EmailDays  int `toml:"email_days"`  // e-mail addresses of requests that were rejected, revoked or withdrawn; 0: DefaultEmailDays
}

// Defaults of [Retention].
const (
	DefaultSourceDays = 30
	DefaultEmailDays  = 30
)
