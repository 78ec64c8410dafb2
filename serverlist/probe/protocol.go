package probe

import (
	"net"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// A protocol yields live statistics of one kind of game server.
type protocol struct {
	network string // "tcp" or "udp"

	// ask holds the whole conversation on a connection, which has a deadline,
	// and notes what it learns. It must not send more than it receives, and
	// must know a limit before it reads.
	ask func(conn net.Conn, live *Live) error
}

// protocolOf returns the protocol that an entry asks for, nil if there is none
// of that name here.
func protocolOf(s serverlist.Server) (name string, p *protocol) {
	name = s.Game
	if s.Probe != nil {
		name = s.Probe.Protocol
	}
	switch name {
	case "crossfire":
		return name, &protocol{"tcp", askCrossfire}
	}
	return name, nil
}
