package root

import "time"

// SetHeaderTimeout shortens how long a listener waits for a request's header.
func SetHeaderTimeout(r *Root, d time.Duration) { r.headerTimeout = d }

// ProofBurst is how many checks of proof a source may ask for at once.
const ProofBurst = proofBurst

// SetProofPorts makes a root look for files of proof at other ports.
func SetProofPorts(r *Root, http, https string) {
	r.prover.checker = newProofChecker(&r.cfg, http, https)
}

// SetBodyTimeout shortens how long a listener waits for a request as a whole.
func SetBodyTimeout(r *Root, d time.Duration) { r.bodyTimeout = d }

// RequestBurst is how many requests of one source are looked at at once.
const RequestBurst = requestBurst

// FailureBurst is how many requests without a valid token are looked at at
// once.
const FailureBurst = failureBurst

// SetTryAgain makes a still root look at once whether it can write.
func SetTryAgain(r *Root, now <-chan struct{}) { r.still.again = now }
