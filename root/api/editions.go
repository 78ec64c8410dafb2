package api

import (
	"context"
	"net/http"
	"time"
)

// Editions is what GET /api/v1/editions answers: the newest editions of both
// lists, and which of them each mirror has. The delay between the root and its
// mirrors is seen in it.
type Editions struct {
	Origin  string          `json:"origin"`
	Servers []Edition       `json:"servers"` // of server.list, newest first
	Lists   []Edition       `json:"lists"`   // of mirror.list, newest first
	Mirrors []MirrorEdition `json:"mirrors"` // in the mirror list, without the root itself
}

// Edition is a published list.
type Edition struct {
	Version    int64     `json:"version"`
	Epoch      int64     `json:"epoch"`
	Issued     time.Time `json:"issued"`
	AgeSeconds int64     `json:"age_seconds"`
	Entries    *int      `json:"entries,omitempty"` // absent: not known any more
	Mirrors    int       `json:"mirrors"`           // that have it, or a newer one, as the root saw them last
}

// MirrorEdition is the server list that a mirror has, as the root saw it last.
type MirrorEdition struct {
	ID            string     `json:"id"`
	URL           string     `json:"url"`
	State         string     `json:"state"`             // that of [WatchedMirror]
	Version       int64      `json:"version,omitempty"` // 0: the root has seen none that verifies
	Epoch         int64      `json:"epoch,omitempty"`
	Issued        *time.Time `json:"issued,omitempty"`
	BehindSeconds int64      `json:"behind_seconds"` // between its edition and the newest one; 0: it has the newest, or none
	Checked       *time.Time `json:"checked,omitempty"`
}

// Editions returns the newest editions, and which of them the mirrors have.
func (c *Client) Editions(ctx context.Context) (Editions, error) {
	var out Editions
	return out, c.call(ctx, http.MethodGet, "api/v1/editions", nil, &out)
}
