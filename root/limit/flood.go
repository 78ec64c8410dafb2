package limit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/bits"
	"net/http"
	"sync"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/proofofwork"
	"github.com/signed-metaserver/metaserver/root/store"
)

// When registrations need a proof of work; values of proof_of_work in root.toml.
const (
	WorkOff    = "off"
	WorkFlood  = "flood" // while the root is flooded
	WorkAlways = "always"
)

// How hard it is: workBits without a flood, two bits more, so four times the
// work, with every level of the flood. A try costs a tenth of a microsecond.
const (
	workBits   = 18 // 0.03 s of one processor
	levelBits  = 2
	mostLevels = 4 // 26 bits: 7 s

	// A flood is a queue that is half full or more, or more than quietRate
	// registrations a minute. Each eighth of the queue, and each doubling of the
	// rate, is one level.
	quietRate = 120

	workRetry = 10 * time.Minute // for who cannot do the work, as a form in a browser
)

// A Flood asks for a proof of work when registrations of one kind, of
// servers or of mirrors, come in a flood. It is safe for concurrent use.
type Flood struct {
	mode    string
	queue   int
	command string // that does the work by itself
	gate    *proofofwork.Gate
	pace    *pace
	pending func(context.Context) (int, error)

	mu      sync.Mutex
	waiting int       // registrations in the queue, as counted
	counted time.Time // when
}

// Floods are those of both queues. They share what they give and take, so
// that each proof counts once, and the pace: a flood of one kind is a flood.
type Floods struct{ Servers, Mirrors *Flood }

// A FloodConfig says what counts as a flood, and what it is answered with.
type FloodConfig struct {
	Mode   string      // WorkOff, WorkFlood or WorkAlways
	Queue  int         // pending requests that either queue holds
	Origin string      // of the root
	Store  store.Store // counts what waits
}

// NewFloods makes the guards of both queues.
func NewFloods(cfg FloodConfig) Floods {
	gate, pace := proofofwork.NewGate(cfg.Origin), new(pace)
	guard := func(command string, pending func(store.Counts) int) *Flood {
		return &Flood{
			mode: cfg.Mode, queue: cfg.Queue, command: command, gate: gate, pace: pace,
			pending: func(ctx context.Context) (int, error) {
				counts, err := cfg.Store.Counts(ctx)
				return pending(counts), err
			},
		}
	}
	return Floods{
		Servers: guard("metaserver register", func(c store.Counts) int { return c.Pending }),
		Mirrors: guard("metaserver mirror register", func(c store.Counts) int { return c.PendingMirrors }),
	}
}

// Demand returns nil if a request may be stored: no work is asked for, or the
// request brings it. Else it returns a problem that poses the puzzle. No work
// helps when the queue is full, so the store is left to say that.
func (f *Flood) Demand(ctx context.Context, src Source, now time.Time) error {
	if f.mode == WorkOff {
		return nil
	}
	level, full, err := f.look(ctx, now)
	if err != nil || full || level == 0 && f.mode == WorkFlood {
		return err
	}
	proof, err := src.Proof.check(f.gate, src, now)
	if err == nil {
		err = f.gate.Spend(proof, now)
	}
	if err == nil {
		return nil
	}
	return f.pose(src, level, now, err)
}

// TurnAway refuses what comes without a proof in a flood before it is read: that
// costs next to nothing. Without a flood it is worth to say first what else is
// wrong with a request.
func (f *Flood) TurnAway(ctx context.Context, src Source, proof string, now time.Time) error {
	if f.mode == WorkOff || proof != "" {
		return nil
	}
	level, full, err := f.look(ctx, now)
	if err != nil || full || level == 0 {
		return err
	}
	return f.pose(src, level, now, proofofwork.ErrMissing)
}

// pose makes the problem.
func (f *Flood) pose(src Source, level int, now time.Time, why error) error {
	puzzle, expires := f.gate.Challenge(src.Block(), workBits+levelBits*level, now)
	asks := "asks for a proof of work with every registration"
	if level > 0 {
		asks = "is flooded with registrations and asks for a proof of work with each"
	}
	text := fmt.Sprintf("Nothing was stored: the root %s. The command %q does it by itself", asks, f.command)
	if level > 0 {
		text += "; or try again later"
	}
	if text += "."; !errors.Is(why, proofofwork.ErrMissing) {
		text += fmt.Sprintf(" This request was not taken because %v.", why)
	}
	p := &api.Problem{Status: http.StatusTooManyRequests, Type: api.WorkType, Title: "Proof of work required", Detail: text}
	if level > 0 { // else coming back later does not help
		p.RetryAfter = workRetry
	}
	p.Work = &api.ProofOfWork{Origin: puzzle.Origin, Challenge: puzzle.Challenge, Bits: puzzle.Bits, Expires: expires.UTC()}
	return p
}

// Took counts a registration that was stored.
func (f *Flood) Took(now time.Time) {
	f.pace.add(now)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting++ // until it is counted again
}

// look tells how bad the flood is, from 0 to mostLevels, and whether the queue
// is full. It asks the store once a second at most.
func (f *Flood) look(ctx context.Context, now time.Time) (level int, full bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if since := now.Sub(f.counted); since >= time.Second || since < 0 {
		n, err := f.pending(ctx)
		if err != nil {
			return 0, false, err
		}
		f.waiting, f.counted = n, now
	}
	if half := f.queue / 2; f.waiting >= half {
		level = 1 + (f.waiting-half)*mostLevels/max(f.queue-half, 1)
	}
	level = max(level, bits.Len(uint(f.pace.perMinute(now)/quietRate)))
	return min(level, mostLevels), f.waiting >= f.queue, nil
}

// A pace counts registrations by the minute. It is safe for concurrent use; the
// zero value is ready.
type pace struct {
	mu     sync.Mutex
	minute int64 // the one that now counts
	now    int   // registrations that it has brought
	before int   // those of the minute before it
}

func (p *pace) add(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	p.now++
}

// perMinute is that of this minute or of the one before, whichever is more.
func (p *pace) perMinute(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	return max(p.now, p.before)
}

// turn goes on to the minute of now.
func (p *pace) turn(now time.Time) {
	switch minute := now.Unix() / 60; {
	case minute == p.minute+1:
		p.minute, p.before, p.now = minute, p.now, 0
	case minute != p.minute:
		p.minute, p.before, p.now = minute, 0, 0
	}
}

// A SentProof is the proof of work that a request brings; the hash of its body
// is whole when the body has been read. nil: it brings none.
type SentProof struct {
	value string
	body  hash.Hash
}

// SentProofOf returns the proof that a request brings; nil: none. It must be
// called before the body is read.
func SentProofOf(r *http.Request) *SentProof {
	value := r.Header.Get(proofofwork.Header)
	if value == "" {
		return nil
	}
	p := &SentProof{value, sha256.New()}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, p.body), r.Body}
	return p
}

func (p *SentProof) check(g *proofofwork.Gate, src Source, now time.Time) (proofofwork.Proof, error) {
	if p == nil {
		return proofofwork.Proof{}, proofofwork.ErrMissing
	}
	return g.Check(p.value, src.Block(), [sha256.Size]byte(p.body.Sum(nil)), now)
}
