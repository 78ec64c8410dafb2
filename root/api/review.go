package api

import "time"

// Findings are what a look at the server of a request has shown. The texts in it
// came from DNS and from the server.
type Findings struct {
	At     time.Time    `json:"at"`
	Hosts  []HostFound  `json:"hosts,omitempty"` // of its addresses, each once
	Source HostFound    `json:"source"`          // of the request
	Probe  ProbeFinding `json:"probe"`
}

// HostFound is what DNS says about a host.
type HostFound struct {
	Host      string   `json:"host"` // a name, or an IP address
	Addresses []string `json:"addresses,omitempty"`
	Names     []string `json:"names,omitempty"` // of the addresses, by reverse DNS
	Error     string   `json:"error,omitempty"`
}

// ProbeFinding is what came of asking the server itself.
type ProbeFinding struct {
	State    string  `json:"state"`              // "online", "offline" or "unprobed"
	Protocol string  `json:"protocol,omitempty"` // that was spoken; "tcp": only a connection was tried
	Address  string  `json:"address,omitempty"`
	RTT      float64 `json:"rtt_ms,omitempty"`
	Software string  `json:"software,omitempty"`
	Error    string  `json:"error,omitempty"`
}

// Past is another registration of the same people, or of the same address.
type Past struct {
	ID      string     `json:"id"`
	Status  string     `json:"status"`
	Name    string     `json:"name"`
	EntryID string     `json:"entry_id,omitempty"`
	Created time.Time  `json:"created"`
	Decided *time.Time `json:"decided,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Because []string   `json:"because"` // what they have in common: "e-mail", "source", "address"
}
