package ftp_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"

	"golang.org/x/crypto/cryptobyte"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish/ftp"
)

// A recorder keeps what servers have sent, connection by connection.
type recorder struct {
	mu   sync.Mutex
	from []*recorded
}

type recorded struct {
	net.Conn
	mu   sync.Mutex
	data bytes.Buffer
}

func (r *recorder) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &recorded{Conn: conn}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.from = append(r.from, c)
	return c, nil
}

func (c *recorded) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.data.Write(p[:n])
	return n, err
}

// version returns the version of TLS that a server has chosen, as its hello says
// it; 0: there is no hello.
func (c *recorded) version(t *testing.T) (version uint16) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	start := bytes.Index(c.data.Bytes(), []byte{22, 3, 3}) // a record of the handshake
	if start < 0 {
		return 0
	}
	in := cryptobyte.String(c.data.Bytes()[start+5:])
	var kind, compression uint8
	var hello, session, extensions, value cryptobyte.String
	var cipher, id uint16
	if !in.ReadUint8(&kind) || kind != 2 || !in.ReadUint24LengthPrefixed(&hello) || !hello.ReadUint16(&version) || !hello.Skip(32) ||
		!hello.ReadUint8LengthPrefixed(&session) || !hello.ReadUint16(&cipher) || !hello.ReadUint8(&compression) {
		t.Fatalf("this is no hello of a server: %x", c.data.Bytes()[start:])
	}
	if hello.Empty() {
		return version
	}
	hello.ReadUint16LengthPrefixed(&extensions)
	for extensions.ReadUint16(&id) && extensions.ReadUint16LengthPrefixed(&value) {
		if id == 43 { // supported_versions: 1.3 is chosen there
			value.ReadUint16(&version)
		}
	}
	return version
}

// TestTLSVersion: under TLS 1.3 vsftpd keeps a part of an upload, so that every
// connection, those of the files too, is of 1.2.
func TestTLSVersion(t *testing.T) {
	t.Parallel()
	for _, p := range programs[:2] { // both could do 1.3
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			h := p.withTLS(t, testenv.FTPOptions{})
			var r recorder
			target := h.target()
			target.Dial = r.dial
			mustSet(t, target, small())
			if target.TLS != ftp.ExplicitTLS || len(r.from) < 3 {
				t.Fatalf("%d connections, %v", len(r.from), target.TLS)
			}
			hellos := 0
			for _, c := range r.from {
				switch version := c.version(t); version {
				case 0: // a data connection that carried nothing
				case 0x0303:
					hellos++
				default:
					t.Errorf("a connection to %s is of TLS %#04x", c.RemoteAddr(), version)
				}
			}
			if hellos < 3 {
				t.Errorf("%d of %d connections have a hello", hellos, len(r.from))
			}
		})
	}
}
