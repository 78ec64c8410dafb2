package api

import "time"

// RegistrationRequest asks for a server to be listed.
// POST /api/v1/registrations answers 202 with [Accepted].
type RegistrationRequest struct {
	Name        string   `json:"name"`                // at most 80 code points
	Address     string   `json:"address,omitempty"`   // host:port; this or Addresses
	Addresses   []string `json:"addresses,omitempty"` // host:port, in order of preference, at most 16
	Game        string   `json:"game"`                // slug, as "crossfire"
	Email       string   `json:"email"`               // of the person to write to; never published
	Description string   `json:"description"`         // at most 500 code points
	Version     string   `json:"version,omitempty"`   // the server's version text
	Region      string   `json:"region,omitempty"`    // where it stands
	Languages   []string `json:"languages,omitempty"` // language tags
	Tags        []string `json:"tags,omitempty"`      // free words
	Website     string   `json:"website,omitempty"`   // http or https URL
	Key         string   `json:"key,omitempty"`       // the server's own ed25519 public key, base64 of 32 bytes

	Endpoints []Endpoint `json:"endpoints,omitempty"` // further services of the same server
	Probe     *Probe     `json:"probe,omitempty"`     // how clients ask it for live statistics
}

// Endpoint is a further service of a server, as its chat or voice.
type Endpoint struct {
	Role     string `json:"role"`     // slug, as "chat"
	Protocol string `json:"protocol"` // slug, as "mumble"
	Address  string `json:"address"`  // host:port
}

// Probe names the protocol that yields a server's live statistics.
type Probe struct {
	Protocol string `json:"protocol"`       // slug, as "crossfire"
	Port     int    `json:"port,omitempty"` // 0: the port of the address
}

// Accepted tells a requester where the request is to be followed. It is not
// listed yet: an admin decides.
type Accepted struct {
	ID        string `json:"id"`
	Status    string `json:"status"`               // "pending"
	StatusURL string `json:"status_url,omitempty"` // absent where the root has no public listener; unguessable: whoever has it sees what has become of the request
}

// Status is what GET of a status URL answers.
type Status struct {
	ID      string     `json:"id"`
	Status  string     `json:"status"` // "pending", "approved", "rejected", "revoked" or "withdrawn"
	Name    string     `json:"name"`
	Created time.Time  `json:"created"`
	Updated time.Time  `json:"updated"` // when it was last sent again
	Decided *time.Time `json:"decided,omitempty"`
	Reason  string     `json:"reason,omitempty"`   // of a rejection or a revocation
	EntryID string     `json:"entry_id,omitempty"` // of the listed entry

	Kind    string   `json:"kind"`    // what it asks for: "new", "edit", "withdrawal" or "transfer"
	Owner   bool     `json:"owner"`   // the URL is the owner's: it edits, withdraws and transfers, too
	Summary string   `json:"summary"` // why the server is listed or is not, in words
	Steps   []string `json:"steps"`   // what can be done, in words; empty: nothing

	Listing *Listing `json:"listing,omitempty"` // of what was approved
	Server  *Edit    `json:"server,omitempty"`  // what an edit begins with: as it is listed, or asked for; for the owner
	Open    *Request `json:"open,omitempty"`    // what waits for an admin about the entry; for the owner
	Last    *Request `json:"last,omitempty"`    // what was decided last about the entry; for the owner
	Proof   *Proof   `json:"proof,omitempty"`   // for the owner
}

// Registration is what an admin sees of a request.
type Registration struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Addresses   []string   `json:"addresses"`
	Status      string     `json:"status"` // "pending", "approved", "rejected", "revoked" or "withdrawn"
	Game        string     `json:"game,omitempty"`
	Description string     `json:"description,omitempty"`
	Version     string     `json:"version,omitempty"`
	Region      string     `json:"region,omitempty"`
	Languages   []string   `json:"languages,omitempty"`
	Tags        []string   `json:"tags,omitempty"`
	Website     string     `json:"website,omitempty"`
	Key         string     `json:"key,omitempty"`
	Endpoints   []Endpoint `json:"endpoints,omitempty"`
	Probe       *Probe     `json:"probe,omitempty"`
	Email       string     `json:"email"`
	Source      string     `json:"source"`                // address that the first request came from
	LastSource  string     `json:"last_source,omitempty"` // of the newest request, when it is another
	Requests    int        `json:"requests"`              // how often it was sent
	Revision    int        `json:"revision"`              // from 1; above it the content was changed after it was first sent
	Created     time.Time  `json:"created"`
	Updated     time.Time  `json:"updated"`
	EntryID     string     `json:"entry_id,omitempty"` // the entry it became; while pending the one that approval updates
	Decided     *time.Time `json:"decided,omitempty"`
	Admin       string     `json:"admin,omitempty"` // who decided
	Reason      string     `json:"reason,omitempty"`
	Conflicts   []Conflict `json:"conflicts"`          // always there; empty: none
	Block       *Block     `json:"block,omitempty"`    // that it would run into today
	Notes       []Note     `json:"notes,omitempty"`    // of one registration only, oldest first
	Findings    *Findings  `json:"findings,omitempty"` // absent: the root has not looked yet
	History     []Past     `json:"history,omitempty"`  // of one registration only, newest first
	Scripts     []string   `json:"scripts,omitempty"`  // writing systems of the name, when they are more than one

	Kind     string        `json:"kind"`                // what it asks for: "new", "edit", "withdrawal" or "transfer"
	Signed   bool          `json:"signed,omitempty"`    // by the key of the entry
	NotOwner bool          `json:"not_owner,omitempty"` // it updates an entry, and was not sent with the owner's token or key
	Changes  []FieldChange `json:"changes,omitempty"`   // against the entry that approval changes
	Proof    *Proof        `json:"proof,omitempty"`     // of control, of one registration only; absent: there is nothing to prove any more
}

// Conflict is something a request has in common with a listed entry or another
// pending request. It accuses nobody; the admin decides.
type Conflict struct {
	Kind         string `json:"kind"`                   // "name", "address", "key", "host" (a host name of either leads to this address) or "look-alike"
	Value        string `json:"value"`                  // what is the same
	EntryID      string `json:"entry_id,omitempty"`     // the listed entry
	Registration string `json:"registration,omitempty"` // the pending request
}

// Approval is the body of POST .../registrations/{id}/approve. It may be empty.
type Approval struct {
	Revision int    `json:"revision,omitempty"`  // the one to approve: 409 when the request has another by now; 0: any
	EntryID  string `json:"entry_id,omitempty"`  // of the new entry; empty: made from the name
	Replace  bool   `json:"replace,omitempty"`   // EntryID names a listed entry, which this server replaces, and which is the requester's from now on
	NewOwner bool   `json:"new_owner,omitempty"` // the entry that it updates is the requester's from now on
}

// Reason is the body of a rejection and a revocation.
type Reason struct {
	Reason string `json:"reason"` // required; the requester reads it; at most 500 code points
}

// Decided answers an approval, a rejection and a revocation. The decision is
// durable; the list that shows it follows within two seconds.
type Decided struct {
	ID         string   `json:"id,omitempty"` // of the registration
	Status     string   `json:"status"`
	EntryID    string   `json:"entry_id,omitempty"`
	EntryState string   `json:"entry_state,omitempty"` // "listed", or "revoked" after the approval of a withdrawal
	Name       string   `json:"name,omitempty"`        // of what was approved
	Addresses  []string `json:"addresses,omitempty"`   // of what was approved
}

// Mirror is one entry of the mirror list.
type Mirror struct {
	ID       string   `json:"id"`
	Operator string   `json:"operator"` // who runs it
	Region   string   `json:"region,omitempty"`
	Contact  string   `json:"contact,omitempty"` // public contact of the operator
	Email    string   `json:"email,omitempty"`   // whom to write to when it is ill; never published
	URLs     []string `json:"urls"`
	Root     bool     `json:"root,omitempty"` // the root itself; in answers only
}

// Published answers a change of the mirror list, which is served by then.
type Published struct {
	ID      string `json:"id"`      // of the mirror
	Version int64  `json:"version"` // of a mirror list that has the change
}

// List says how the publishing of one list goes.
type List struct {
	Name       string     `json:"name"`              // "server.list" or "mirror.list"
	Version    int64      `json:"version,omitempty"` // 0: nothing is published yet
	Epoch      int64      `json:"epoch,omitempty"`
	Entries    int        `json:"entries"`
	Issued     *time.Time `json:"issued,omitempty"`
	FreshUntil *time.Time `json:"fresh_until,omitempty"`
	NextBy     *time.Time `json:"next_by,omitempty"` // when it is issued again at the latest
	Failure    string     `json:"failure,omitempty"` // why the last attempt to publish failed
	Confirm    int64      `json:"confirm,omitempty"` // the change that waits for an admin's confirmation, because it loses many entries
}

// Confirmation is the body of POST .../lists/{name}/confirm.
type Confirmation struct {
	Change int64 `json:"change"` // as [List].Confirm said; a later state of the list needs another confirmation
}

// Trust is a trust document that is in force or was.
type Trust struct {
	Version  int64     `json:"version"` // number of the document
	Epoch    int64     `json:"epoch"`
	Issued   time.Time `json:"issued"`
	SHA256   string    `json:"sha256"`   // 64 hex digits
	Signers  []string  `json:"signers"`  // names of its own keys that signed it
	Document string    `json:"document"` // all of it, as it is served
}

// TrustPublished answers POST /api/v1/admin/trust, the body of which is a trust
// document as it is, not JSON. The document is served by then.
type TrustPublished struct {
	Trust   Trust  `json:"trust"`
	Lists   []List `json:"lists"`             // as they are served with it
	Already bool   `json:"already,omitempty"` // it was in force before: nothing was published
}

// Target says how it goes with a place that the root brings its documents to.
type Target struct {
	Target    string     `json:"target"`
	PublicURL string     `json:"public_url,omitempty"`
	Current   bool       `json:"current"`           // it holds what the root publishes now
	Servers   int64      `json:"servers,omitempty"` // version of the server list there; 0: not known
	Mirrors   int64      `json:"mirrors,omitempty"`
	Trust     int64      `json:"trust,omitempty"`
	Visited   *time.Time `json:"visited,omitempty"`
	Done      *time.Time `json:"done,omitempty"` // the last visit without an error
	Failures  int        `json:"failures,omitempty"`
	Failure   string     `json:"failure,omitempty"` // of the last visit
	Next      *time.Time `json:"next,omitempty"`    // when it is visited again at the latest
}
