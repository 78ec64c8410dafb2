package publishtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// ErrInjected is the failure that a [Spy] injects.
var ErrInjected = errors.New("injected failure")

// A Spy is a target that records the operations on the target behind it and
// can fail one of them. It is used by one goroutine at a time.
type Spy struct {
	publish.Target

	// FailAt is the number of the operation to fail, from 1; 0: none.
	FailAt int

	// Late makes the failing operation take place first, as when the answer
	// of a host is lost.
	Late bool

	// Failed is the first operation that gave an error; that a document is not
	// there does not count.
	Failed string

	// Done, if not nil, is called after each operation.
	Done func()

	Ops []string // "open", "read NAME", "write NAME", "close"
}

// Writes returns the names written, in order.
func (s *Spy) Writes() []string {
	var names []string
	for _, op := range s.Ops {
		var name string
		if n, _ := fmt.Sscanf(op, "write %s", &name); n == 1 {
			names = append(names, name)
		}
	}
	return names
}

// do runs one operation, or fails it.
func (s *Spy) do(op string, run func() error) error {
	s.Ops = append(s.Ops, op)
	if s.Done != nil {
		defer s.Done()
	}
	fail := len(s.Ops) == s.FailAt
	if fail && !s.Late {
		return fmt.Errorf("%s: %w", op, ErrInjected)
	}
	err := run()
	if err != nil && !errors.Is(err, fs.ErrNotExist) && s.Failed == "" {
		s.Failed = op
	}
	if fail {
		return fmt.Errorf("%s: %w", op, ErrInjected)
	}
	return err
}

// Open opens a recorded session.
func (s *Spy) Open(ctx context.Context) (publish.Session, error) {
	var inner publish.Session
	err := s.do("open", func() (err error) {
		inner, err = s.Target.Open(ctx)
		return err
	})
	if err != nil {
		if inner != nil {
			err = errors.Join(err, inner.Close())
		}
		return nil, err
	}
	return &spySession{s, inner}, nil
}

type spySession struct {
	spy   *Spy
	inner publish.Session
}

func (s *spySession) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	var r io.ReadCloser
	err := s.spy.do("read "+name, func() (err error) {
		r, err = s.inner.Read(ctx, name)
		return err
	})
	if err != nil && r != nil {
		err = errors.Join(err, r.Close())
		r = nil
	}
	return r, err
}

func (s *spySession) Write(ctx context.Context, name string, data []byte) error {
	return s.spy.do("write "+name, func() error { return s.inner.Write(ctx, name, data) })
}

// Close always closes the session behind: a program that dies loses its
// connection and its locks too.
func (s *spySession) Close() error {
	err := s.inner.Close()
	return s.spy.do("close", func() error { return err })
}
