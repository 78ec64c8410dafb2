package notify

import (
	"context"
	"crypto/tls"
	"net"
)

// A line is a connection to a mail server. The mail library waits a while for
// each answer, whatever happens to a context, and leaves connections open when
// a login fails; a line is cut when its context ends, and hung up in every case.
type line struct {
	ctx    context.Context
	tls    bool // from the first byte
	config *tls.Config

	conn net.Conn
	stop func() bool
}

// dial connects. ctx ends when the connection is made, that of the line later.
func (l *line) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	if l.tls {
		conn, err = (&tls.Dialer{Config: l.config}).DialContext(ctx, network, address)
	} else {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
	}
	if err != nil {
		return nil, err
	}
	l.conn = conn
	l.stop = context.AfterFunc(l.ctx, func() { conn.Close() })
	return conn, nil
}

func (l *line) hangUp() {
	if l.conn != nil {
		l.stop()
		l.conn.Close()
	}
}
