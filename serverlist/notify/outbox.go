package notify

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	maxWaiting  = 32              // messages of one channel; then the oldest is dropped
	outboxPause = 5 * time.Minute // after a failure; doubles with each further one
	maxPause    = time.Hour
)

// An Outbox keeps the messages of several channels until each was taken, for
// as long as the program runs. Its methods are for one goroutine.
type Outbox struct {
	now   func() time.Time
	log   *slog.Logger
	boxes []*box
}

type box struct {
	channel  Channel
	waiting  []Message
	failures int
	next     time.Time
}

// NewOutbox returns an empty outbox.
func NewOutbox(channels []Channel, now func() time.Time, log *slog.Logger) *Outbox {
	o := &Outbox{now: now, log: log}
	for _, c := range channels {
		o.boxes = append(o.boxes, &box{channel: c})
	}
	return o
}

// Add puts a message into the box of every channel.
func (o *Outbox) Add(m Message) {
	for _, b := range o.boxes {
		if len(b.waiting) == maxWaiting {
			o.log.Error("a message was dropped: too many wait", "channel", b.channel.String(), "subject", b.waiting[0].Subject)
			b.waiting = b.waiting[1:]
		}
		b.waiting = append(b.waiting, m)
	}
}

// Flush sends what waits, of all channels at once and of each in order. A
// channel that failed rests for a while. It returns when all were tried.
func (o *Outbox) Flush(ctx context.Context) {
	var all sync.WaitGroup
	for _, b := range o.boxes {
		if len(b.waiting) > 0 && !o.now().Before(b.next) {
			all.Go(func() { b.flush(ctx, o.now, o.log) })
		}
	}
	all.Wait()
}

func (b *box) flush(ctx context.Context, now func() time.Time, log *slog.Logger) {
	for len(b.waiting) > 0 && ctx.Err() == nil {
		if err := b.channel.Send(ctx, b.waiting[0]); err != nil {
			b.next = now().Add(min(outboxPause<<min(b.failures, 10), maxPause))
			b.failures++
			log.Error("a message was not taken; it is sent again later", "channel", b.channel.String(), "subject", b.waiting[0].Subject, "error", err)
			return
		}
		log.Info("message sent", "channel", b.channel.String(), "subject", b.waiting[0].Subject)
		b.waiting, b.failures = b.waiting[1:], 0
	}
}
