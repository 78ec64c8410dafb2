package publishtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// echo answers each connection with what it gets, to the end, and returns its
// address and what connections have sent.
func echo(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, l *Line, addr string) net.Conn {
	t.Helper()
	c, err := l.Dial(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestLineCarries sends more than buffers hold, and ends one direction first.
func TestLineCarries(t *testing.T) {
	t.Parallel()
	line := NewLine(t, "", 0)
	data := bytes.Repeat([]byte("0123456789"), 1<<20)
	c := dial(t, line, echo(t))
	go func() {
		c.Write(data)
		c.(*net.TCPConn).CloseWrite()
	}()
	if back, err := io.ReadAll(c); err != nil || !bytes.Equal(back, data) {
		t.Errorf("%d of %d bytes came back, %v", len(back), len(data), err)
	}
	if n := line.Carried(); n != int64(2*len(data)) {
		t.Errorf("the line counted %d bytes of %d", n, 2*len(data))
	}
}

func TestLineFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range []Fault{Reset, Closed, Silent} {
		for _, after := range []int64{0, 1, 9, 10, 11, 25, 1_000_000} {
			line := NewLine(t, fault, after)
			addr := echo(t)
			var came int64
			var conns []net.Conn
			alive, strike := context.WithCancel(t.Context())
			go func() {
				<-line.Down()
				strike()
			}()
			for range 4 { // together they carry the bytes
				c, err := line.Dial(alive, "tcp", addr)
				if err != nil {
					break
				}
				conns = append(conns, c)
				go c.Write(make([]byte, after/4+1))
				if fault == Silent { // nothing else ends a read; what is under way may still come
					context.AfterFunc(alive, func() { c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) })
				}
				n, _ := io.ReadFull(c, make([]byte, after/4+1))
				came += int64(n)
			}
			if came > after {
				t.Errorf("%s after %d bytes: %d came back", fault, after, came)
			}
			for _, c := range conns {
				defer c.Close()
			}
			<-line.Down()
			if n := line.Carried(); n != after {
				t.Errorf("%s after %d bytes: it carried %d", fault, after, n)
			}
			for _, c := range conns {
				wantFault(t, fault, c)
			}
		}
	}
}

// wantFault checks what a target sees.
func wantFault(t *testing.T, fault Fault, c net.Conn) {
	t.Helper()
	patience := 30 * time.Second
	if fault == Silent {
		patience = 20 * time.Millisecond
	}
	c.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, c)
	timeout := errors.Is(err, os.ErrDeadlineExceeded)
	if timeout != (fault == Silent) {
		t.Errorf("after %q a read gives %v", fault, err)
	}
}

func TestLineRefusesWhenCut(t *testing.T) {
	t.Parallel()
	addr := echo(t)
	if _, err := CutAfter(t, 0)(t.Context(), "tcp", addr); err == nil || !strings.Contains(err.Error(), "cut") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewLine(t, Silent, 0).Dial(ctx, "tcp", addr); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
