package root

// checkSection is [check] of root.toml.
type checkSection struct {
	Requests *bool `toml:"requests"`
}

// requestsOff tells whether nobody is to look at the servers of requests.
func (s checkSection) requestsOff() bool { return s.Requests != nil && !*s.Requests }
