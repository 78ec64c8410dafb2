package root

import (
	"time"

	"github.com/signed-metaserver/metaserver/root/proof"
)

// SetHeaderTimeout shortens how long a listener waits for a request's header.
func SetHeaderTimeout(r *Root, d time.Duration) { r.headerTimeout = d }

// SetProofPorts makes the root look for files of proof at other ports.
func SetProofPorts(r *Root, http, https string) {
	r.prover.checker = proof.NewChecker(proof.Config{
		Resolver: proof.NewResolver(r.cfg.Resolver), AllowPrivate: r.cfg.AllowPrivate, HTTPPort: http, HTTPSPort: https,
	})
}

// RequestBurst is how many requests of one source are looked at at once.
const RequestBurst = requestBurst

// FailureBurst is how many requests without a valid token are looked at at
// once.
const FailureBurst = failureBurst
