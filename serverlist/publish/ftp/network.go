package ftp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// sendBuffer bounds what the system holds of an upload, in bytes. The host's
// answer is waited for from the time that the system has taken the last byte,
// so this much, twice over, must go out within the idle timeout.
const sendBuffer = 128 << 10

// Limits of what a host may send, in bytes. Who reads a document limits it.
const (
	maxAnswers = 16 << 20 // all answers of a session
	maxListing = 16 << 20 // names in a folder
)

// A network makes the connections of one session. The library calls it for the
// control connection first, then for each transfer.
type network struct {
	dial          func(ctx context.Context, network, address string) (net.Conn, error)
	connect, idle time.Duration
	tls           *tls.Config     // nil: none
	ctx           context.Context // of the operation under way
	limit         int64           // bytes that the next data connections may bring; 0: any number

	mu      sync.Mutex
	open    map[*idleConn]bool
	control bool // the control connection has been made
	aborted bool
}

// dialFTP opens a connection. The library itself protects the control
// connection, after AUTH TLS, but not a data connection of somebody's dialer.
func (n *network) dialFTP(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(n.ctx, n.connect)
	defer cancel()
	raw, err := n.dial(ctx, network, address)
	if err != nil {
		if n.ctx.Err() == nil && ctx.Err() != nil {
			err = fmt.Errorf("no connection to %s within %v", address, n.connect)
		}
		if n.control {
			err = &dataConnError{err}
		}
		return nil, err
	}
	c, err := n.add(raw)
	if err != nil {
		return nil, err
	}
	if !n.control {
		n.control, c.greets, c.limit = true, true, maxAnswers
		if _, ok := raw.RemoteAddr().(*net.TCPAddr); !ok { // the library wants its IP address
			c.Close()
			return nil, fmt.Errorf("the connection to %s is not a TCP connection", address)
		}
		return c, nil
	}
	c.limit = n.limit
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // larger buffers only make the wait longer
	}
	if n.tls == nil {
		return c, nil
	}
	return &tlsDataConn{Conn: tls.Client(c, n.tls), under: c}, nil
}

// add makes a connection end with the session.
func (n *network) add(raw net.Conn) (*idleConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.aborted {
		raw.Close()
		return nil, net.ErrClosed
	}
	c := &idleConn{Conn: raw, network: n}
	n.open[c] = true
	return c, nil
}

// abort ends all connections at once, and with them whatever waits for them.
func (n *network) abort() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.aborted = true
	for c := range n.open {
		c.Conn.Close()
	}
}

// isAborted tells whether the session is over.
func (n *network) isAborted() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.aborted
}

// An idleConn gives up when nothing is carried for the idle timeout.
type idleConn struct {
	net.Conn
	network *network
	limit   int64 // bytes that it may bring; 0: any number
	brought int64
	greets  bool // it begins with the host's greeting
}

var errSSH = errors.New("this is a server for SSH, and not for FTP: publish there by SFTP")

func (c *idleConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.network.idle)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if c.greets && c.brought == 0 && bytes.HasPrefix(p[:n], []byte("SSH-")) {
		return 0, errSSH // or its greeting counts as the first line of many
	}
	if c.brought += int64(n); c.limit > 0 && c.brought > c.limit {
		return 0, fmt.Errorf("the host sends more than %d bytes where a few are due", c.limit)
	}
	return n, err
}

// Write writes in pieces, since each has the idle timeout for itself.
func (c *idleConn) Write(p []byte) (n int, err error) {
	for err == nil && n < len(p) {
		if err := c.SetWriteDeadline(time.Now().Add(c.network.idle)); err != nil {
			return n, err
		}
		var written int
		written, err = c.Conn.Write(p[n:min(len(p), n+sendBuffer)])
		n += written
	}
	return n, err
}

func (c *idleConn) Close() error {
	c.network.mu.Lock()
	delete(c.network.open, c)
	c.network.mu.Unlock()
	return c.Conn.Close()
}

// A tlsDataConn ends an upload so that nothing of it is lost: it says that it
// has no more to send, and waits until the host has no more either. A
// connection that is closed with bytes unread is reset, and the host may then
// drop what it has not read itself.
type tlsDataConn struct {
	*tls.Conn
	under *idleConn
	wrote bool
}

func (c *tlsDataConn) Write(p []byte) (int, error) {
	c.wrote = true
	return c.Conn.Write(p)
}

// Handshake is what the library calls when there is nothing to upload.
func (c *tlsDataConn) Handshake() error {
	c.wrote = true
	return c.Conn.Handshake()
}

// Close reports no error of the wait: the host's answer says what has arrived.
func (c *tlsDataConn) Close() error {
	if !c.wrote {
		c.under.Close()
		return nil
	}
	err := c.CloseWrite()
	if half, ok := c.under.Conn.(interface{ CloseWrite() error }); ok && err == nil && half.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(c.under, 1<<20))
	}
	c.under.Close()
	return err
}
