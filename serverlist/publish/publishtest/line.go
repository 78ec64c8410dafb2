package publishtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// A DialFunc opens connections as the method DialContext of net.Dialer does.
// Every target that reaches its host through a network has a field of this
// type, and gives it a context that ends after the time that the target allows
// for connecting.
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// A Fault is what happens to a [Line].
type Fault string

// The faults.
const (
	Reset  Fault = "reset"  // connections are reset and what is under way is lost, as when a router forgets them
	Closed Fault = "closed" // connections end in order, as the system ends those of a process that is killed
	Silent Fault = "silent" // connections stay open and carry nothing, as when a cable is pulled
	Kill   Fault = "kill"   // this very process is killed, as by kill -9; for a process of its own, see Killed
)

// A Line is the network between a target and its host. All connections through
// it together carry a number of bytes, both directions counted; then its fault
// strikes for good, and no further connection comes about. Between the target
// and the host stand real TCP connections, so that buffers, deadlines and
// half-closed connections are those of the system.
type Line struct {
	fault Fault
	after int64
	down  chan struct{} // closed by the fault

	mu      sync.Mutex
	carried int64
	ended   bool // the test is over
	conns   []*net.TCPConn
	copying sync.WaitGroup
}

// NewLine returns a line on which the fault strikes after so many bytes; with
// "" none ever does. It is taken down when the test ends.
func NewLine(t testing.TB, fault Fault, after int64) *Line {
	l := &Line{fault: fault, after: after, down: make(chan struct{})}
	t.Cleanup(l.takeDown)
	if fault != "" && after <= 0 {
		l.strike()
	}
	return l
}

// CutAfter returns a dialer whose connections are reset for good once they
// have carried n bytes together.
func CutAfter(t testing.TB, n int64) DialFunc { return NewLine(t, Reset, n).Dial }

// Carried returns how many bytes have gone over the line, in both directions.
func (l *Line) Carried() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.carried
}

// Down is closed when the fault strikes.
func (l *Line) Down() <-chan struct{} { return l.down }

// Dial connects over the line. On a silent line it waits for the context.
func (l *Line) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	select {
	case <-l.down:
		if l.fault == Silent {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("dial %s: the line is cut", address)
	default:
	}
	var d net.Dialer
	far, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	near, inner, err := connected()
	if err != nil {
		return nil, errors.Join(err, far.Close())
	}
	l.join(inner, far.(*net.TCPConn))
	return near, nil
}

// connected returns the two ends of a TCP connection on loopback.
func connected() (near, inner *net.TCPConn, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	accepted, err := listener.Accept()
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn.(*net.TCPConn), accepted.(*net.TCPConn), nil
}

// join carries bytes between the ends until both directions have ended. The
// line may have gone down since the caller looked.
func (l *Line) join(inner, far *net.TCPConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || l.isDown() && l.fault != Silent {
		reset(inner)
		reset(far)
		return
	}
	l.conns = append(l.conns, inner, far)
	if l.isDown() {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.carry(far, inner) })
	both.Go(func() { l.carry(inner, far) })
	l.copying.Go(func() {
		both.Wait()
		if l.fault == Silent && l.isDown() {
			return // its ends must not see that the other has ended
		}
		inner.Close()
		far.Close()
	})
}

// carry copies from one end to the other until that ends or the line is down.
// The end of what src has to say is passed on; the other direction may go on.
func (l *Line) carry(dst, src *net.TCPConn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := src.Read(buf)
		allowed, last := l.take(n)
		if _, werr := dst.Write(buf[:allowed]); werr != nil {
			err = werr
		}
		if last {
			l.strike()
		}
		if l.isDown() {
			return
		}
		if err == io.EOF {
			dst.CloseWrite()
			return
		}
		if err != nil {
			reset(dst)
			reset(src)
			return
		}
	}
}

// take counts n bytes and returns how many of them the line still carries, and
// whether these are the last.
func (l *Line) take(n int) (allowed int, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault != "" {
		n = int(min(int64(n), l.after-l.carried))
	}
	l.carried += int64(n)
	return n, n > 0 && l.fault != "" && l.carried == l.after
}

func (l *Line) isDown() bool {
	select {
	case <-l.down:
		return true
	default:
		return false
	}
}

// strike brings the fault about.
func (l *Line) strike() {
	if l.fault == Kill {
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
	}
	close(l.down)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		switch l.fault {
		case Reset:
			reset(c)
		case Closed:
			c.Close()
		case Silent: // the copying ends: nothing more is read or written
			c.SetDeadline(time.Unix(1, 0))
		}
	}
}

// reset ends a connection without sending or reading what is under way.
func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

func (l *Line) takeDown() {
	l.mu.Lock()
	l.ended = true
	for _, c := range l.conns {
		reset(c)
	}
	l.mu.Unlock()
	l.copying.Wait()
}
