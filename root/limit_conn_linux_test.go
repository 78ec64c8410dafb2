package root_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/config"
)

// dialFrom connects from another address of this machine: on Linux all of
// 127.0.0.0/8 is. What is returned may be closed already.
func (w *world) dialFrom(source string) net.Conn {
	w.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	conn, err := d.Dial("tcp", strings.TrimPrefix(w.public, "http://"))
	if errors.Is(err, syscall.ECONNRESET) { // the root was faster
		here, there := net.Pipe()
		there.Close()
		return here
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute)) // ends a test that would wait for ever
	return conn
}

// getOver asks for the list over a connection; false: the root has closed it.
func getOver(conn net.Conn) bool {
	fmt.Fprint(conn, "GET /server.list HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == 200
}

// TestConnectionsOfOneSource opens far more than one source may have. Others
// are served, and so is the source once it has closed some.
func TestConnectionsOfOneSource(t *testing.T) {
	t.Parallel()
	const most = 10
	w := newWorld(t, func(c *config.Config) {
		c.LimitLoopback = true
		c.Limits.ConnectionsPerSource = most
	})
	var served []net.Conn
	for range 500 {
		if conn := w.dialFrom("127.0.1.1"); getOver(conn) {
			served = append(served, conn)
		} else {
			conn.Close()
		}
	}
	if len(served) != most {
		t.Errorf("%d connections of one source, want %d", len(served), most)
	}
	if !getOver(w.dialFrom("127.0.1.2")) {
		t.Error("its neighbour is not served")
	}
	for _, conn := range served {
		conn.Close()
	}
	for !getOver(w.dialFrom("127.0.1.1")) { // until the root has seen the ends
	}
}

// TestConnectionsOfOneNetwork opens as many as its sources may have.
func TestConnectionsOfOneNetwork(t *testing.T) {
	t.Parallel()
	const most = 3
	w := newWorld(t, func(c *config.Config) {
		c.LimitLoopback = true
		c.Limits.ConnectionsPerSource = most
	})
	served := 0
	for n := range 20 * most {
		if getOver(w.dialFrom(fmt.Sprintf("127.0.1.%d", 1+n/most))) {
			served++
		}
	}
	if served != most*8 {
		t.Errorf("%d connections of one network, want %d", served, most*8)
	}
	if !getOver(w.dialFrom("127.0.2.1")) {
		t.Error("another network is not served")
	}
}

// TestThousandsOfConnections takes all places from many sources: without a
// word, in the middle of a header, and idle after an answer. Whoever comes then
// is served all the same, and so is the admin.
func TestThousandsOfConnections(t *testing.T) {
	t.Parallel()
	const all = 200
	w := newWorld(t, func(c *config.Config) {
		c.LimitLoopback = true
		c.Limits.Connections = all
	})
	before := w.snapshot()
	for n := range 2000 {
		conn := w.dialFrom(fmt.Sprintf("127.%d.%d.1", 1+n/250, n%250))
		switch n % 3 {
		case 0:
			io.WriteString(conn, "GET /server.list HTTP/1.1\r\nHost: x\r\nX-Slow: ")
		case 1:
			getOver(conn)
		}
		if n%100 == 0 && !getOver(w.dialFrom("127.100.0.1")) {
			t.Fatalf("with %d connections a player is not served", n)
		}
	}
	if _, err := w.client().Pending(t.Context()); err != nil {
		t.Errorf("the admin is not served: %v", err)
	}
	if !getOver(w.dialFrom("127.100.0.1")) || w.snapshot() != before {
		t.Error("something changed")
	}
}
