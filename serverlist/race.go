package serverlist

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errLost is why a source that was too slow is let go.
var errLost = errors.New("let go: another source was faster")

// A race asks candidates for a list until one shows it. It asks one, and
// a further one whenever a candidate fails, or after a pause, unless one in
// flight is promising: it has shown life, by a verified head, and still has time
// for the rest. One that stays silent for too long, or has shown life and is
// too slow, keeps running, but no longer takes a place, so that neither can
// hold up the others. The slow ones share the line with them; hence there are
// never more than twice as many in flight as places, without the silent ones.
type race struct {
	parallel int           // places
	pause    time.Duration // before a further candidate while none in flight is promising
	chance   time.Duration // from life on; after this a candidate is slow
	silent   time.Duration // from the start; after this one without life is silent

	// next returns the candidate to ask next, and false if there is none for
	// now. Patient means that the pause has not passed yet: candidates of last
	// resort may be kept back.
	next func(patient bool) (candidate, bool)
	// more receives when next may have got candidates; nil: it never does.
	more <-chan struct{}
	// over tells that next will get no more candidates; nil: it never does.
	over func() bool
	// ask asks one candidate and calls alive at its first sign of life. It
	// returns soon after ctx ends. Alone means that no other is in flight.
	ask func(ctx context.Context, c candidate, alone bool, alive func()) (*confirmation, error)
}

// run returns the first list shown, or nil if no candidate has one. The
// others have returned by then.
func (r *race) run(ctx context.Context) *confirmation {
	ctx, cancel := context.WithCancelCause(ctx)
	h := &heat{
		race: r, events: make(chan raceEvent), running: make(map[*runner]bool),
		hedge: time.NewTimer(r.pause), due: true, patient: true,
	}
	defer h.wg.Wait()
	defer h.hedge.Stop()
	defer cancel(errLost)
	for {
		over := r.over == nil || r.over() // before next: what came until then is seen by it
		if h.due && h.places() > 0 && !h.startNext(ctx) && len(h.running) == 0 && over {
			return nil
		}
		select {
		case e := <-h.events:
			if e.what == eventDone && e.err == nil {
				return e.found
			}
			h.note(e)
		case <-h.hedge.C:
			h.pauseIsOver()
		case <-r.more:
		case <-ctx.Done():
			return nil
		}
	}
}

// A heat is the state of one run of a race.
type heat struct {
	race    *race
	wg      sync.WaitGroup
	events  chan raceEvent
	running map[*runner]bool
	hedge   *time.Timer
	due     bool // a further candidate is to be asked as soon as there is one, and a place
	patient bool
}

// A runner is a candidate in flight.
type runner struct{ alive, silent, slow bool }

func (r *runner) promising() bool { return r.alive && !r.slow }

type raceEvent struct {
	from  *runner
	what  eventKind
	found *confirmation
	err   error
}

type eventKind int

const (
	eventAlive  eventKind = iota // showed life
	eventSilent                  // its time to do so is over
	eventSlow                    // its time for the rest is over
	eventDone                    // returned
)

// startNext asks the next candidate, if there is one.
func (h *heat) startNext(ctx context.Context) bool {
	c, ok := h.race.next(h.patient)
	if !ok {
		return false
	}
	alone := len(h.running) == 0
	from := &runner{}
	h.running[from] = true
	h.wg.Go(func() { h.one(ctx, c, alone, from) })
	h.due, h.patient = false, true
	h.hedge.Reset(h.race.pause)
	return true
}

// one asks one candidate and tells the race what comes of it.
func (h *heat) one(ctx context.Context, c candidate, alone bool, from *runner) {
	send := func(e raceEvent) {
		e.from = from
		select {
		case h.events <- e:
		case <-ctx.Done():
		}
	}
	silent := time.AfterFunc(h.race.silent, func() { send(raceEvent{what: eventSilent}) })
	defer silent.Stop()
	stopChance := func() bool { return false }
	defer func() { stopChance() }()
	found, err := h.race.ask(ctx, c, alone, func() {
		stopChance() // of the answer before, which a longer chain made it ask for again
		send(raceEvent{what: eventAlive})
		stopChance = time.AfterFunc(h.race.chance, func() { send(raceEvent{what: eventSlow}) }).Stop
	})
	send(raceEvent{what: eventDone, found: found, err: err})
}

// note takes in what a runner tells, unless that ends the race.
func (h *heat) note(e raceEvent) {
	switch e.what {
	case eventAlive:
		e.from.alive, e.from.slow = true, false
		h.due = false
		h.hedge.Stop() // its chance takes the place of the pause
	case eventSilent:
		e.from.silent = !e.from.alive
	case eventSlow:
		e.from.slow = true
		if !h.anyPromising() {
			h.pauseIsOver()
		}
	case eventDone:
		delete(h.running, e.from)
		if !h.anyPromising() {
			h.due = true
			h.hedge.Reset(h.race.pause)
		}
	}
}

func (h *heat) pauseIsOver() { h.due, h.patient = true, false }

func (h *heat) anyPromising() bool {
	for r := range h.running {
		if r.promising() {
			return true
		}
	}
	return false
}

// places returns how many candidates may still be started.
func (h *heat) places() int {
	taken, answering := 0, 0
	for r := range h.running {
		switch {
		case r.silent:
		case r.slow:
			answering++
		default:
			answering++
			taken++
		}
	}
	return min(h.race.parallel-taken, 2*h.race.parallel-answering)
}
