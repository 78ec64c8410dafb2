package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// connect dials, checks the host, logs in and asks for the SFTP subsystem.
func (t Target) connect(ctx context.Context, known *knownHost) (*session, error) {
	limit := 3 * t.Timeout // to tell its keys, while the server is dialled, for a signature
	late := fmt.Errorf("no answer within %v: %w", limit, context.DeadlineExceeded)
	agent, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	login, methods, err := t.newLogin(agent)
	if err != nil {
		return nil, err
	}
	defer login.close() // the agent is needed to log in only
	raw, err := t.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w; is the address right, and does the server take SSH there?", t.Address, err)
	}
	s := &session{target: t, link: &link{Conn: raw, silence: t.Timeout}}
	err = s.do(ctx, t.Timeout, func() error {
		return s.handshake(known, login, methods)
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.keepAlive()
	if err := s.startSFTP(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *session) startSFTP(ctx context.Context) error {
	err := s.do(ctx, s.target.Timeout, func() (err error) {
		s.client, err = sftp.NewClient(s.ssh, sftp.UseConcurrentWrites(true))
		return err
	})
	if err == nil {
		return nil
	}
	address, user := s.target.Address, s.target.User
	if lost := s.link.lost(); lost != nil {
		return fmt.Errorf("the connection to %s was lost after user %q had logged in: %w (%w); if that happens each time, the account may not be set up for SFTP", address, user, lost, err)
	}
	return fmt.Errorf("%s logs user %q in and does not speak SFTP (%w): is SFTP switched on for that account, and do its shell's start files print nothing?", address, user, err)
}

func (t Target) dial(ctx context.Context) (net.Conn, error) {
	timed, cancel := context.WithTimeoutCause(ctx, t.Timeout, errNoAnswer(t.Timeout))
	defer cancel()
	conn, err := t.Dial(timed, "tcp", t.Address)
	if err != nil && ctx.Err() == nil && timed.Err() != nil {
		err = context.Cause(timed)
	}
	return conn, err
}

func (s *session) handshake(known *knownHost, l *login, methods []ssh.AuthMethod) error {
	var hostKey error
	config := &ssh.ClientConfig{
		User:              s.target.User,
		Auth:              methods,
		AuthCallback:      l.notice,
		HostKeyAlgorithms: known.kinds,
		HostKeyCallback: func(name string, addr net.Addr, key ssh.PublicKey) error {
			hostKey = known.verify(name, addr, key)
			return hostKey
		},
	}
	conn, channels, requests, err := ssh.NewClientConn(s.link, s.target.Address, config)
	if err == nil {
		s.ssh = ssh.NewClient(conn, channels, requests)
		return nil
	}
	var negotiation *ssh.AlgorithmNegotiationError
	switch {
	case hostKey != nil:
		return hostKey
	case errors.As(err, &negotiation) && negotiation.What == "host key" && len(known.known) > 0:
		return known.noKnownKind()
	case l.failure != nil || isRefusal(err):
		return l.refused(err)
	case errors.Is(s.link.lost(), os.ErrDeadlineExceeded):
		err = s.link.lost()
	}
	return fmt.Errorf("starting SSH with %s: %w; does the server take SSH at this port, and this machine's connections?", s.target.Address, err)
}

// keepAlive asks the server to say something now and then, so that a silent
// connection is a broken one. It ends with the connection.
func (s *session) keepAlive() {
	closed := make(chan struct{})
	s.background.Go(func() {
		defer close(closed)
		_ = s.ssh.Wait() // why it ended is said by the operation that failed
	})
	s.background.Go(func() {
		ticker := time.NewTicker(s.target.Timeout / 4)
		defer ticker.Stop()
		for {
			select {
			case <-closed:
				return
			case <-ticker.C:
				// Any answer will do, also that the request is not known.
				_, _, _ = s.ssh.SendRequest("keepalive@openssh.com", true, nil)
			}
		}
	})
}

// do runs an operation of the connection. When the context ends or the limit
// is over, the connection is closed, which ends the operation and the session.
func (s *session) do(ctx context.Context, limit time.Duration, operation func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	timed, cancel := context.WithTimeoutCause(ctx, limit, errNoAnswer(limit))
	defer cancel()
	stop := context.AfterFunc(timed, func() { s.link.Close() })
	err := operation()
	if !stop() && err != nil {
		return fmt.Errorf("%w (%w)", context.Cause(timed), err)
	}
	return err
}

// An errNoAnswer is the time that an operation was given and did not keep.
type errNoAnswer time.Duration

func (e errNoAnswer) Error() string {
	return fmt.Sprintf("the server did not finish within %v", time.Duration(e))
}

// Is makes it an expired deadline for callers.
func (e errNoAnswer) Is(target error) bool { return target == context.DeadlineExceeded }

// A link is a connection on which silence is an error.
type link struct {
	net.Conn
	silence time.Duration
	budget  atomic.Pointer[budget] // nil: what arrives is not counted

	mu     sync.Mutex
	failed error // the first error
}

// A budget is how much may arrive before an operation is called off.
type budget struct {
	left    atomic.Int64 // bytes
	callOff func()
}

func (l *link) Read(p []byte) (int, error) {
	_ = l.SetReadDeadline(time.Now().Add(l.silence)) // without it, the limit of each operation remains
	n, err := l.Conn.Read(p)
	l.note(err)
	if b := l.budget.Load(); b != nil && b.left.Add(-int64(n)) < 0 {
		b.callOff()
	}
	return n, err
}

func (l *link) Write(p []byte) (int, error) {
	_ = l.SetWriteDeadline(time.Now().Add(l.silence))
	n, err := l.Conn.Write(p)
	l.note(err)
	return n, err
}

func (l *link) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = err
	}
}

// lost returns what the network said when the connection ended, or nil.
func (l *link) lost() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failed == nil:
		return nil
	case errors.Is(l.failed, io.EOF):
		return errors.New("the server closed it")
	case errors.Is(l.failed, os.ErrDeadlineExceeded):
		return fmt.Errorf("the server was silent for %v (%w)", l.silence, os.ErrDeadlineExceeded)
	}
	return l.failed
}
