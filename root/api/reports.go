package api

import (
	"context"
	"net/http"
	"time"
)

// NewReport is the body of POST /api/v1/reports: what a player says of a listed
// server. The answer is 202 with [Reported].
type NewReport struct {
	EntryID string `json:"entry_id"`
	Kind    string `json:"kind"`           // one of ReportKinds
	Text    string `json:"text,omitempty"` // at most 500 code points
}

// ReportKinds are what a report may be about.
var ReportKinds = []string{"dead", "impostor", "cheating", "abuse", "wrong-data", "other"}

// Reported answers a report. An admin reads it; nobody is written to.
type Reported struct {
	EntryID string `json:"entry_id"`
	Status  string `json:"status"` // "received"
}

// Reports are the open reports about one entry.
type Reports struct {
	EntryID string         `json:"entry_id"`
	Kinds   map[string]int `json:"kinds"` // how many of each
	Newest  []Report       `json:"newest"`
}

// Report is what one player says.
type Report struct {
	Kind string    `json:"kind"`
	Text string    `json:"text,omitempty"`
	At   time.Time `json:"at"`
}

// Resolution is the body of POST .../reports/{id}/resolve, where the id is that
// of the entry. The answer is [Resolved].
type Resolution struct {
	Note string `json:"note"` // required; for admins
}

// Resolved says how many reports are done with.
type Resolved struct {
	EntryID string `json:"entry_id"`
	Reports int    `json:"reports"`
}

// Report tells the admins something about a listed server.
func (c *Client) Report(ctx context.Context, r NewReport) (Reported, error) {
	var out Reported
	return out, c.call(ctx, http.MethodPost, "api/v1/reports", r, &out)
}

// Reports returns the open reports, by entry; those with most reports first.
func (c *Client) Reports(ctx context.Context) ([]Reports, error) {
	var out []Reports
	return out, c.call(ctx, http.MethodGet, adminPath("reports"), nil, &out)
}

// ResolveReports is done with the open reports about an entry.
func (c *Client) ResolveReports(ctx context.Context, entry, note string) (Resolved, error) {
	var out Resolved
	return out, c.call(ctx, http.MethodPost, adminPath("reports", entry, "resolve"), Resolution{note}, &out)
}
