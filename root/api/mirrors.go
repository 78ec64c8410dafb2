package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// MirrorRequest asks for a mirror to be put into the mirror list.
// POST /api/v1/mirrors answers 202 with [Accepted]. The same id with the same
// e-mail address is the same request: sent again while it waits, it is updated;
// sent again when the mirror is listed, it asks for the entry to be updated.
type MirrorRequest struct {
	ID       string   `json:"id"`                // wished; [a-z0-9-], at most 64
	Operator string   `json:"operator"`          // who runs it, at most 80 code points; clients spread over operators
	Region   string   `json:"region,omitempty"`  // where it stands, at most 80 code points
	Contact  string   `json:"contact,omitempty"` // public contact of the operator, at most 80 code points
	Email    string   `json:"email"`             // of the person to write to about this request and when the mirror is ill; never published
	URLs     []string `json:"urls"`              // 1 to 8; one that ends in "/" is the folder of all documents, any other is the server list
}

// MirrorStatus is what GET of a mirror's status URL answers.
type MirrorStatus struct {
	ID        string     `json:"id"`     // of the request
	Status    string     `json:"status"` // "pending", "approved" or "rejected"
	Mirror    string     `json:"mirror"` // id wished; once approved the id in the mirror list
	URLs      []string   `json:"urls"`
	Created   time.Time  `json:"created"`
	Updated   time.Time  `json:"updated"` // when it was last sent again
	Decided   *time.Time `json:"decided,omitempty"`
	Reason    string     `json:"reason,omitempty"`     // of a rejection
	InList    bool       `json:"in_list"`              // the newest mirror list has it
	State     string     `json:"state,omitempty"`      // of an approved mirror: that of [WatchedMirror]
	LeftOut   *time.Time `json:"left_out,omitempty"`   // of an approved mirror: since when the list lacks it because it was ill
	Checked   *time.Time `json:"checked,omitempty"`    // of an approved mirror: the newest look
	LastError string     `json:"last_error,omitempty"` // of an approved mirror: what the newest look found wrong
}

// MirrorRegistration is what an admin sees of a mirror's request.
type MirrorRegistration struct {
	ID         string           `json:"id"` // of the request: "m" and a number
	Status     string           `json:"status"`
	Mirror     string           `json:"mirror"` // id wished
	Operator   string           `json:"operator"`
	Region     string           `json:"region,omitempty"`
	Contact    string           `json:"contact,omitempty"`
	Email      string           `json:"email"`
	URLs       []string         `json:"urls"`
	Source     string           `json:"source"`
	LastSource string           `json:"last_source,omitempty"` // of the newest request, when it is another
	Requests   int              `json:"requests"`
	Revision   int              `json:"revision"` // from 1; above it the content was changed after it was first sent
	Created    time.Time        `json:"created"`
	Updated    time.Time        `json:"updated"`
	Updates    string           `json:"updates,omitempty"` // while pending: the listed mirror that approval updates
	Decided    *time.Time       `json:"decided,omitempty"`
	Admin      string           `json:"admin,omitempty"`
	Reason     string           `json:"reason,omitempty"`
	Conflicts  []MirrorConflict `json:"conflicts"`       // always there; empty: none
	Look       *Check           `json:"look,omitempty"`  // while pending: what the mirror serves; nil: nobody has looked
	Block      *Block           `json:"block,omitempty"` // that it would run into today
}

// MirrorConflict is something a mirror's request has in common with a listed
// mirror or another pending request.
type MirrorConflict struct {
	Kind         string `json:"kind"`  // "id" or "url"
	Value        string `json:"value"` // what is the same
	Mirror       string `json:"mirror,omitempty"`
	Registration string `json:"registration,omitempty"`
}

// NewMirror is the body of POST .../mirrors.
type NewMirror struct {
	Mirror
	Unchecked bool `json:"unchecked,omitempty"` // list it whatever it serves; else 422 where clients would find no list of this root
}

// MirrorApproval is the body of POST .../mirror-registrations/{id}/approve.
// It may be empty.
type MirrorApproval struct {
	Revision int    `json:"revision,omitempty"` // the one to approve: 409 when the request has another by now; 0: any
	Mirror   string `json:"mirror,omitempty"`   // id in the mirror list; empty: the one wished
	Replace  bool   `json:"replace,omitempty"`  // a listed mirror of that id is replaced

	Unchecked bool `json:"unchecked,omitempty"` // list it whatever it serves; else 422 where clients would find no list of this root
}

// RegisterMirror asks for a mirror to be listed, and does the work that a root
// under flood asks for. The status URL of the answer is absolute.
func (c *Client) RegisterMirror(ctx context.Context, req MirrorRequest) (Accepted, error) {
	var out Accepted
	if err := c.callWorking(ctx, "api/v1/mirrors", req, &out); err != nil {
		return Accepted{}, err
	}
	err := c.absolute(&out)
	return out, err
}

// MirrorStatus tells what has become of a mirror's request. statusURL is that
// of [Accepted].
func (c *Client) MirrorStatus(ctx context.Context, statusURL string) (MirrorStatus, error) {
	var out MirrorStatus
	return out, c.call(ctx, http.MethodGet, statusURL, nil, &out)
}

// absolute completes a status URL that the root has sent relative to itself.
func (c *Client) absolute(a *Accepted) error {
	base, err := c.base()
	if err != nil {
		return err
	}
	ref, err := url.Parse(a.StatusURL)
	if err != nil {
		return fmt.Errorf("the root's answer names no status URL: %w", err)
	}
	a.StatusURL = base.ResolveReference(ref).String()
	return nil
}

// PendingMirrors returns all requests of mirrors that wait for a decision,
// oldest first.
func (c *Client) PendingMirrors(ctx context.Context) ([]MirrorRegistration, error) {
	var out []MirrorRegistration
	return out, c.call(ctx, http.MethodGet, adminPath("mirror-registrations"), nil, &out)
}

// MirrorRegistration returns one request with its conflicts.
func (c *Client) MirrorRegistration(ctx context.Context, id string) (MirrorRegistration, error) {
	var out MirrorRegistration
	return out, c.call(ctx, http.MethodGet, adminPath("mirror-registrations", id), nil, &out)
}

// ApproveMirror puts a mirror into the mirror list and returns when the list
// with it is served.
func (c *Client) ApproveMirror(ctx context.Context, id string, how MirrorApproval) (Published, error) {
	var out Published
	return out, c.call(ctx, http.MethodPost, adminPath("mirror-registrations", id, "approve"), how, &out)
}

// RejectMirror ends a pending request. The requester reads the reason.
func (c *Client) RejectMirror(ctx context.Context, id, reason string) (Decided, error) {
	var out Decided
	return out, c.call(ctx, http.MethodPost, adminPath("mirror-registrations", id, "reject"), Reason{reason}, &out)
}
