package probe

import (
	"context"
	"net"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// Connect tells whether anything accepts TCP connections at one of a server's
// addresses, whatever its game. It says less than [Prober.Probe], and nothing
// about a game whose players use UDP. The rules of Probe hold: who is not to be
// asked is not connected to either.
func (p *Prober) Connect(ctx context.Context, s serverlist.Server) Live {
	p.prepare()
	proto := &protocol{"tcp", func(net.Conn, *Live) error { return nil }}
	a := &asking{Prober: p, proto: proto, hosts: p.newBudget(), left: orDefault(p.Timeout, defaultTimeout)}
	live := a.server(ctx, s)
	live.Protocol = "tcp"
	live.Online = live.State == Online
	live.CheckedAt = p.now().UTC().Truncate(time.Second)
	return live
}

// Knows tells whether there is a probe for the protocol that an entry names, or
// for its game.
func Knows(s serverlist.Server) bool {
	_, p := protocolOf(s)
	return p != nil
}
