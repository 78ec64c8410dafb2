package api

import (
	"context"
	"net/http"
	"time"
)

// NewBlock is the body of POST .../blocks. The answer is [Block].
type NewBlock struct {
	Kind   string     `json:"kind,omitempty"`   // "network", "domain" or "pattern"; empty: what the value looks like
	Value  string     `json:"value"`            // as "192.0.2.0/24", "spam.example", "name:*casino*" or "url:*/casino/*"
	Reason string     `json:"reason"`           // required; for admins only
	Public string     `json:"public,omitempty"` // what who is refused reads; empty: nothing in particular
	Ends   *time.Time `json:"ends,omitempty"`   // absent: never
}

// Block is who or what may not ask for anything.
type Block struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind"`
	Value   string     `json:"value"`
	Reason  string     `json:"reason"`
	Public  string     `json:"public,omitempty"`
	Admin   string     `json:"admin"` // who made it
	Created time.Time  `json:"created"`
	Ends    *time.Time `json:"ends,omitempty"`
	Ended   bool       `json:"ended,omitempty"`
	Refused int64      `json:"refused"` // requests, since the root was started
}

// Removed answers the removal of something that has an id.
type Removed struct {
	ID string `json:"id"`
}

// Blocks returns all blocks, oldest first.
func (c *Client) Blocks(ctx context.Context) ([]Block, error) {
	var out []Block
	return out, c.call(ctx, http.MethodGet, adminPath("blocks"), nil, &out)
}

// AddBlock adds a block, or gives the one of this value another reason and end.
func (c *Client) AddBlock(ctx context.Context, b NewBlock) (Block, error) {
	var out Block
	return out, c.call(ctx, http.MethodPost, adminPath("blocks"), b, &out)
}

// RemoveBlock removes a block.
func (c *Client) RemoveBlock(ctx context.Context, id string) (Removed, error) {
	var out Removed
	return out, c.call(ctx, http.MethodDelete, adminPath("blocks", id), nil, &out)
}
