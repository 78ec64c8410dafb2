package api

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Entry is what an admin sees of a server that is in the list, or was.
type Entry struct {
	ID           string     `json:"id"`
	State        string     `json:"state"` // "listed", "suspended" or "revoked"
	Name         string     `json:"name"`
	Addresses    []string   `json:"addresses"`
	Game         string     `json:"game,omitempty"`
	Description  string     `json:"description,omitempty"`
	Version      string     `json:"version,omitempty"`
	Website      string     `json:"website,omitempty"`
	Key          string     `json:"key,omitempty"`
	Registration string     `json:"registration"` // that it shows
	Owner        string     `json:"owner"`        // the registration whose owner is the entry's
	Created      time.Time  `json:"created"`
	Updated      time.Time  `json:"updated"`
	Reason       string     `json:"reason,omitempty"`    // of the revocation
	Suspended    *Suspended `json:"suspended,omitempty"` // absent: it is not
	Alive        *Alive     `json:"alive,omitempty"`     // by the root's own looks; absent: it does not look, or cannot tell
	Reports      int        `json:"reports,omitempty"`   // of players, that are open; only in answers to GET

	// Of one entry only.
	Notes         []Note        `json:"notes,omitempty"`         // oldest first
	Registrations []EntryChange `json:"registrations,omitempty"` // newest first
	Looks         []Look        `json:"looks,omitempty"`         // newest first
}

// Suspended says why and until when an entry is not in the list.
type Suspended struct {
	Reason string     `json:"reason"`
	Admin  string     `json:"admin"` // "(watcher)": the root itself, since the server is dead
	Since  time.Time  `json:"since"`
	Ends   *time.Time `json:"ends,omitempty"` // absent: when an admin says so
}

// Alive is what the root has seen of an entry's server.
type Alive struct {
	State   string    `json:"state"` // "alive", "silent" or "unknown"
	Since   time.Time `json:"since"` // of this state
	Checked time.Time `json:"checked"`
}

// Look is one look of the root at an entry's server.
type Look struct {
	At    time.Time `json:"at"`
	State string    `json:"state"` // "alive", "silent" or "unknown"
	Error string    `json:"error,omitempty"`
}

// EntryChange is a registration about an entry.
type EntryChange struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind"`
	Status  string     `json:"status"`
	Created time.Time  `json:"created"`
	Decided *time.Time `json:"decided,omitempty"`
	Admin   string     `json:"admin,omitempty"`
	Reason  string     `json:"reason,omitempty"`
}

// Note is something that an admin has noted down.
type Note struct {
	At    time.Time `json:"at"`
	Admin string    `json:"admin"`
	Text  string    `json:"text"`
}

// NewNote is the body of POST .../notes. The answer is [Note].
type NewNote struct {
	Text string `json:"text"` // at most 500 code points
}

// Suspend is the body of POST .../entries/{id}/suspend.
type Suspend struct {
	Reason string     `json:"reason"`         // required; the owner reads it
	Ends   *time.Time `json:"ends,omitempty"` // absent: when an admin says so
}

// Entries returns the entries of a game and in a state; empty: of all, in any.
func (c *Client) Entries(ctx context.Context, game, state string) ([]Entry, error) {
	var out []Entry
	query := url.Values{}
	if game != "" {
		query.Set("game", game)
	}
	if state != "" {
		query.Set("state", state)
	}
	return out, c.call(ctx, http.MethodGet, adminPath("entries")+"?"+query.Encode(), nil, &out)
}

// Entry returns one entry with its history.
func (c *Client) Entry(ctx context.Context, id string) (Entry, error) {
	var out Entry
	return out, c.call(ctx, http.MethodGet, adminPath("entries", id), nil, &out)
}

// Suspend takes an entry out of the list for a while.
func (c *Client) Suspend(ctx context.Context, id string, s Suspend) (Entry, error) {
	var out Entry
	return out, c.call(ctx, http.MethodPost, adminPath("entries", id, "suspend"), s, &out)
}

// Resume puts a suspended entry back into the list.
func (c *Client) Resume(ctx context.Context, id string) (Entry, error) {
	var out Entry
	return out, c.call(ctx, http.MethodPost, adminPath("entries", id, "resume"), nil, &out)
}

// NoteRegistration notes something down about a registration.
func (c *Client) NoteRegistration(ctx context.Context, id, text string) (Note, error) {
	var out Note
	return out, c.call(ctx, http.MethodPost, adminPath("registrations", id, "notes"), NewNote{text}, &out)
}

// NoteEntry notes something down about an entry.
func (c *Client) NoteEntry(ctx context.Context, id, text string) (Note, error) {
	var out Note
	return out, c.call(ctx, http.MethodPost, adminPath("entries", id, "notes"), NewNote{text}, &out)
}
