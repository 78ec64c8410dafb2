package main

import (
	"crypto/tls"
	"math"
	"net"
	"sync"
	"testing"
)

// A gate forwards connections to a host, counts what they carry, and can do
// something when that reaches a number of bytes.
type gate struct {
	listener net.Listener
	upstream string
	usual    int64 // bytes that a publication takes

	mu      sync.Mutex
	conns   map[net.Conn]bool
	carried int64 // since it was armed
	at      int64
	strike  func() // nil: nothing happens
	closed  bool   // takes no further connection
}

// newGate listens on loopback until the test ends. With a configuration it ends
// TLS; the host behind it speaks without.
func newGate(t *testing.T, upstream string, config *tls.Config) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	g := &gate{listener: l, upstream: upstream, conns: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { g.forward(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		g.cut()
		wg.Wait()
	})
	return g
}

func (g *gate) address() string { return g.listener.Addr().String() }

// measure sets usual to what the function's connections carry.
func (g *gate) measure(publication func()) {
	g.strikeAt(math.MaxInt64, func() {})
	publication()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.usual = g.carried
}

// strikeAt arms the gate. What was carried before does not count.
func (g *gate) strikeAt(n int64, strike func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.carried, g.at, g.strike = 0, n, strike
}

// cut ends all connections and takes no new ones.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for c := range g.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0) // a reset: what is under way is lost
		}
		c.Close()
	}
}

// mend makes the gate forward again.
func (g *gate) mend() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.strike = false, nil
}

// add notes a connection, unless the gate is cut.
func (g *gate) add(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		c.Close()
		return false
	}
	g.conns[c] = true
	return true
}

func (g *gate) remove(c net.Conn) {
	c.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
}

func (g *gate) count(n int) {
	g.mu.Lock()
	g.carried += int64(n)
	var strike func()
	if g.strike != nil && g.carried >= g.at {
		strike, g.strike = g.strike, nil
	}
	g.mu.Unlock()
	if strike != nil {
		strike()
	}
}

func (g *gate) forward(client net.Conn) {
	if !g.add(client) {
		return
	}
	defer g.remove(client)
	host, err := net.Dial("tcp", g.upstream)
	if err != nil || !g.add(host) {
		return
	}
	defer g.remove(host)
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.copy(client, host)
	}()
	g.copy(host, client)
	<-done
}

// copy moves bytes in small pieces, so that a strike comes where it is meant to.
func (g *gate) copy(to, from net.Conn) {
	buf := make([]byte, 4<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				break
			}
			g.count(n)
		}
		if err != nil {
			break
		}
	}
	if c, ok := to.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
}
