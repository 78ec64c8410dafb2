package audit

import (
	"context"
	"sync/atomic"
)

// A Call is one request of an admin who was let in. It travels in the context
// of the request, so that whatever stores what the admin wants can record it in
// the same transaction, and nobody on the way can forget to.
type Call struct {
	Admin  string
	Source string // address that it came from
	Action Action

	// What the call is about, as far as is known. Who finds out more may say so
	// until it is recorded.
	Subject string
	Detail  string

	recorded atomic.Bool
}

type callKey struct{}

// With returns a context that carries a call.
func With(ctx context.Context, c *Call) context.Context { return context.WithValue(ctx, callKey{}, c) }

// From returns the call that a context carries; nil if there is none.
func From(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// Event returns what is to be recorded of the call.
func (c *Call) Event(o Outcome) Event {
	return Event{Admin: c.Admin, Action: c.Action, Outcome: o, Subject: c.Subject, Detail: c.Detail, Source: c.Source}
}

// SetRecorded notes that a record of the call is durable.
func (c *Call) SetRecorded() { c.recorded.Store(true) }

// Recorded tells whether one is.
func (c *Call) Recorded() bool { return c.recorded.Load() }
