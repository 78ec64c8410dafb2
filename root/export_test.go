package root

import "time"

// SetHeaderTimeout shortens how long a listener waits for a request's header.
func SetHeaderTimeout(r *Root, d time.Duration) { r.headerTimeout = d }

// RequestBurst is how many requests of one source are looked at at once.
const RequestBurst = requestBurst

// FailureBurst is how many requests without a valid token are looked at at
// once.
const FailureBurst = failureBurst
