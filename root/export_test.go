package root

import "time"

// SetHeaderTimeout shortens how long a listener waits for a request's header.
func SetHeaderTimeout(r *Root, d time.Duration) { r.headerTimeout = d }

// ProofBurst is how many checks of proof a source may ask for at once.
const ProofBurst = proofBurst

// SetProofPorts makes a root look for files of proof at other ports.
func SetProofPorts(c *Config, http, https string) { c.proofPorts = [2]string{http, https} }

// SetBodyTimeout shortens how long a listener waits for a request as a whole.
func SetBodyTimeout(r *Root, d time.Duration) { r.bodyTimeout = d }

// RequestBurst is how many requests of one source are looked at at once.
const RequestBurst = requestBurst

// FailureBurst is how many requests without a valid token are looked at at
// once.
const FailureBurst = failureBurst

// SetTryAgain makes a still root look at once whether it can write.
func SetTryAgain(c *Config, now <-chan struct{}) { c.tryAgain = now }

// SetLookFor makes a root wait for less of its mirrors when it starts.
func SetLookFor(c *Config, d time.Duration) { c.lookFor = d }

// SetUnitDir makes a check look for systemd's units elsewhere.
func SetUnitDir(c *CheckConfig, dir string) { c.units = []string{dir} }
