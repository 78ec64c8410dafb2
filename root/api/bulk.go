package api

import (
	"context"
	"net/http"
	"time"
)

// Decisions is the body of POST .../registrations/decide: what is decided about
// many registrations. The answer is [Outcomes].
type Decisions struct {
	Approve []Seen `json:"approve,omitempty"`
	Reject  []Seen `json:"reject,omitempty"`
	Reason  string `json:"reason,omitempty"` // of the rejections, which need one; each requester reads it
}

// MaxDecisions is how many registrations one call decides about at most.
const MaxDecisions = 20_000

// Seen is a registration as an admin has seen it.
type Seen struct {
	ID       string `json:"id"`
	Revision int    `json:"revision,omitempty"` // 0: whatever it is now
}

// Outcomes says what became of each registration, in the order of the approvals
// and then of the rejections. What it says is durable.
type Outcomes struct {
	Outcomes []Outcome `json:"outcomes"`
	Failed   int       `json:"failed"` // of them
}

// Outcome is what became of one registration.
type Outcome struct {
	ID      string `json:"id"`
	Status  string `json:"status,omitempty"` // "approved" or "rejected"; absent: it was left as it was
	EntryID string `json:"entry_id,omitempty"`
	Problem string `json:"problem,omitempty"` // why it was left as it was
}

// DecideAll decides about many registrations. One that cannot be decided leaves
// the others alone.
func (c *Client) DecideAll(ctx context.Context, d Decisions) (Outcomes, error) {
	var out Outcomes
	patient := *c
	if patient.HTTP == nil {
		patient.HTTP = c.client()
		patient.HTTP.Timeout = 5 * time.Minute
	}
	return out, patient.call(ctx, http.MethodPost, adminPath("registrations", "decide"), d, &out)
}
