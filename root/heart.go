package root

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A heart tells whether the parts of the root that could hang really make
// progress: again and again it has each of them do something small and durable,
// and notes when that was done. A part that hangs is seen from outside, by the
// age of its last beat. Nothing that is asked of a heart waits for a part.
type heart struct {
	now   func() time.Time
	beats []*beat
}

// A beat is what is known of one part.
type beat struct {
	name string // as a reader of the log knows it
	work func(context.Context) error

	mu    sync.Mutex
	began time.Time // of the work that is under way; zero: none is
	done  time.Time // when it last ended, well or not; zero: not yet
	took  time.Duration
	err   error // of the last work
}

const (
	beatEvery = 10 * time.Second
	hangs     = time.Minute // work that takes longer is taken to hang for ever
)

// run lets the parts work until ctx ends, each on its own.
func (h *heart) run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, b := range h.beats {
		all.Go(func() { h.beat(ctx, b) })
	}
	all.Wait()
	return nil
}

func (h *heart) beat(ctx context.Context, b *beat) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		h.once(ctx, b)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// once lets one part work once.
func (h *heart) once(ctx context.Context, b *beat) {
	began := h.now()
	b.mu.Lock()
	b.began = began
	b.mu.Unlock()
	err := b.work(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.began, b.done = time.Time{}, h.now()
	b.err, b.took = err, b.done.Sub(began)
}

// hung returns an error that names the parts which hang; nil: none does.
func (h *heart) hung() error {
	var all []error
	for _, b := range h.beats {
		b.mu.Lock()
		began := b.began
		b.mu.Unlock()
		if since := h.now().Sub(began); !began.IsZero() && since > hangs {
			all = append(all, fmt.Errorf("%s has not answered for %s", b.name, since.Round(time.Second)))
		}
	}
	return errors.Join(all...)
}

// state returns how long the work of a part took last, and why it failed or
// hangs; nil: it did neither.
func (h *heart) state(name string) (took time.Duration, err error) {
	for _, b := range h.beats {
		if b.name != name {
			continue
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if since := h.now().Sub(b.began); !b.began.IsZero() && since > hangs {
			return since, fmt.Errorf("it has not answered for %s", since.Round(time.Second))
		}
		return b.took, b.err
	}
	return 0, fmt.Errorf("there is no part %q", name)
}

// Names of the parts.
const (
	partStore     = "the database"
	partPublisher = "the publisher"
)

// newHeart watches the store, which must take a durable write, and the
// publisher, which must come to the end of an attempt.
func newHeart(s *server) *heart {
	// Not the clock of the configuration: whoever sets that makes nothing hang.
	return &heart{now: time.Now, beats: []*beat{
		{name: partStore, work: s.store.Probe},
		{name: partPublisher, work: s.publisher.Idle},
	}}
}

// Hung returns what hangs: an error that names the database or the publisher if
// it has not come to an end with a small task for a minute; nil if all is well.
// A supervisor should then end the process and start it again. It may be called
// while Run runs, and does not wait.
func (r *Root) Hung() error { return r.heart.hung() }
