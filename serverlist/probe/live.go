package probe

import (
	"time"
)

// State tells what a probe found.
type State string

// The states.
const (
	Online   State = "online"   // the server answered as its protocol demands
	Offline  State = "offline"  // it did not; Live.Error tells how
	Unprobed State = "unprobed" // it was not asked; Live.Error tells why
)

// Live is what one probe of one server found. Texts from the server are
// cleaned of characters that an entry of a list could not have either.
type Live struct {
	State     State     `json:"state"`
	Online    bool      `json:"online"`             // State is Online
	CheckedAt time.Time `json:"checked_at"`         // when the probe ended; UTC, whole seconds
	Protocol  string    `json:"protocol,omitempty"` // that was spoken, or would have been
	Address   string    `json:"address,omitempty"`  // host:port of the list that answered
	RTT       float64   `json:"rtt_ms,omitempty"`   // round trip in milliseconds: of a TCP handshake, or of a UDP question
	Error     string    `json:"error,omitempty"`    // why the server is not known to be online

	Software  string `json:"software,omitempty"`   // what the server calls itself
	CSVersion int    `json:"cs_version,omitempty"` // Crossfire: version of what the client may send
	SCVersion int    `json:"sc_version,omitempty"` // Crossfire: version of what the server sends
}
