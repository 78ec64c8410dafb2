package api

import (
	"context"
	"net/http"
	"time"
)

// WatchedMirror is a mirror with what the root has seen of it.
type WatchedMirror struct {
	Mirror
	State      string     `json:"state,omitempty"` // "new", "well", "behind", "incomplete", "stale", "unreachable", "wrong" or "forked"; empty: the root itself
	Since      *time.Time `json:"since,omitempty"` // of the state
	LeftOut    *time.Time `json:"left_out,omitempty"`
	IllSeconds int64      `json:"ill_seconds,omitempty"` // how long it was seen ill since it was last well for hours
	Drops      int        `json:"drops,omitempty"`       // how often it was left out
	Last       *Check     `json:"last,omitempty"`        // the newest look; nil: none yet
	Added      *time.Time `json:"added,omitempty"`
	Request    string     `json:"request,omitempty"` // id of the request that it was approved from
}

// Check is one look of the root at a mirror.
type Check struct {
	At           time.Time  `json:"at"`
	State        string     `json:"state"`
	URL          string     `json:"url,omitempty"`     // that decided
	Version      int64      `json:"version,omitempty"` // of the server list there; 0: none that verifies
	Epoch        int64      `json:"epoch,omitempty"`
	Issued       *time.Time `json:"issued,omitempty"`
	AgeSeconds   int64      `json:"age_seconds"` // of that list, when it was looked at
	Milliseconds int64      `json:"milliseconds"`
	Error        string     `json:"error,omitempty"`
}

// MirrorHistory is all that the root knows of a mirror.
type MirrorHistory struct {
	WatchedMirror
	Checks   []Check    `json:"checks"`             // newest first
	Evidence []Evidence `json:"evidence,omitempty"` // newest first
}

// Evidence is a pair of signed heads of one number that are not the same.
type Evidence struct {
	At     time.Time `json:"at"`
	URL    string    `json:"url"`
	Held   string    `json:"held"`   // signed head that the root has published
	Served string    `json:"served"` // signed head that the mirror served
}

// Mirror returns one mirror with its history.
func (c *Client) Mirror(ctx context.Context, id string) (MirrorHistory, error) {
	var out MirrorHistory
	return out, c.call(ctx, http.MethodGet, adminPath("mirrors", id), nil, &out)
}

// CheckMirrors looks at all mirrors now and returns them when that is done,
// which takes minutes where many of them are silent.
func (c *Client) CheckMirrors(ctx context.Context) ([]WatchedMirror, error) {
	resp, err := c.long(ctx, http.MethodPost, adminPath("mirrors", "check"), nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var out []WatchedMirror
	return out, readAnswer(resp, &out)
}

// Message is an e-mail of the root or what it tells a webhook, on its way or
// done.
type Message struct {
	ID        int64      `json:"id"`
	Channel   string     `json:"channel,omitempty"`   // name of a webhook; empty: by e-mail
	Recipient string     `json:"recipient,omitempty"` // of an e-mail
	Event     string     `json:"event,omitempty"`
	Subject   string     `json:"subject"`
	Created   time.Time  `json:"created"`
	Tries     int        `json:"tries"`
	Next      *time.Time `json:"next,omitempty"` // when it is tried, while it waits
	Done      *time.Time `json:"done,omitempty"` // when it was sent or given up
	Error     string     `json:"error,omitempty"`
}

// Messages returns the newest messages, newest first.
func (c *Client) Messages(ctx context.Context) ([]Message, error) {
	var out []Message
	return out, c.call(ctx, http.MethodGet, adminPath("messages"), nil, &out)
}

// TestSent says how many messages a test has put on their way.
type TestSent struct {
	Messages int `json:"messages"`
}

// TestMessages sends a message to every admin and every webhook. What becomes
// of it is among the [Client.Messages].
func (c *Client) TestMessages(ctx context.Context) (TestSent, error) {
	var out TestSent
	return out, c.call(ctx, http.MethodPost, adminPath("messages", "test"), nil, &out)
}
