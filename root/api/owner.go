package api

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Edit is a server as its owner wants it: all of it, not only what changes.
// POST {status URL}/edit answers 202 with [Request]. It changes a request that is
// still pending in its place; of a listed entry it asks for a change, which an
// admin decides. What is listed already takes back what was asked for before.
//
// It is also what [SignedRequest] has as its content. The members are those of
// [RegistrationRequest].
type Edit struct {
	Name        string   `json:"name"`
	Address     string   `json:"address,omitempty"`
	Addresses   []string `json:"addresses,omitempty"`
	Game        string   `json:"game"`
	Email       string   `json:"email,omitempty"` // empty: as it is
	Description string   `json:"description"`
	Version     string   `json:"version,omitempty"`
	Region      string   `json:"region,omitempty"`
	Languages   []string `json:"languages,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	Website     string   `json:"website,omitempty"`
	Key         string   `json:"key,omitempty"`

	Endpoints []Endpoint `json:"endpoints,omitempty"`
	Probe     *Probe     `json:"probe,omitempty"`
}

// Request is what an owner has asked for about a listed entry.
type Request struct {
	ID       string        `json:"id"`     // of its own registration
	Kind     string        `json:"kind"`   // "new", "edit", "withdrawal" or "transfer"
	Status   string        `json:"status"` // that of a registration
	Revision int           `json:"revision"`
	Signed   bool          `json:"signed,omitempty"` // by the entry's own key
	Created  time.Time     `json:"created"`
	Updated  time.Time     `json:"updated"`
	Decided  *time.Time    `json:"decided,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Changes  []FieldChange `json:"changes,omitempty"` // against what is listed now; of a pending edit
	Proof    *Proof        `json:"proof,omitempty"`   // of the addresses that an edit names
}

// FieldChange is a member that a request changes, in words. An empty From or To
// says that it is absent.
type FieldChange struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// Listing says where the entry of a request is to be seen.
type Listing struct {
	EntryID    string     `json:"entry_id"`
	Listed     bool       `json:"listed"`            // an admin has approved it and nobody has taken it out
	Served     bool       `json:"served"`            // the served list shows it as it is now
	Since      int64      `json:"since,omitempty"`   // version of the first edition that had it; 0: none yet
	Issued     *time.Time `json:"issued,omitempty"`  // of that edition
	Version    int64      `json:"version,omitempty"` // of the edition that is served now
	Mirrors    int        `json:"mirrors"`           // in the mirror list, without the root itself
	MirrorsGot int        `json:"mirrors_got"`       // of those, as last seen, with an edition that has the entry
	MirrorURLs []string   `json:"mirror_urls"`       // of those that have it; empty: none; at most 100
}

// Proof says how control of what a request names can be shown, and what was.
// Nobody has to.
type Proof struct {
	Token  string       `json:"token"`  // changes with the addresses
	Record string       `json:"record"` // what a TXT record or a line of the file must say
	Places []ProofPlace `json:"places"`
	Ports  []string     `json:"ports"`         // host:port, where a TCP connection may be answered with the record
	Key    string       `json:"key,omitempty"` // the server's own key, which may sign the token
	Proven []Proven     `json:"proven"`        // what holds now; empty: nothing
}

// ProofPlace is where the root looks for the token of a host.
type ProofPlace struct {
	Host string `json:"host"`
	TXT  string `json:"txt,omitempty"` // name of the DNS record; absent for an address
	URL  string `json:"url"`           // of the file; https is tried first
}

// Proven is a proof that holds.
type Proven struct {
	Kind    string    `json:"kind"`    // "dns", "http", "port" or "key"
	Subject string    `json:"subject"` // the host, the address, or the key
	At      time.Time `json:"at"`
}

// ProofChecked answers POST {status URL}/check and .../prove.
type ProofChecked struct {
	Proof   Proof         `json:"proof"`
	Missing []ProofFailed `json:"missing"` // what was looked for in vain; empty: nothing
}

// ProofFailed says what was found in place of a token.
type ProofFailed struct {
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
	Problem string `json:"problem"`
}

// KeyProof is the body of POST {status URL}/prove.
type KeyProof struct {
	Request string `json:"request"` // signed note; see package signedrequest, action "prove"
}

// Offer is the body of POST {status URL}/transfer.
type Offer struct {
	Email string `json:"email"` // of the new owner
}

// Offered answers it. Whoever has the URL, and the e-mail address, may ask for
// the entry, once.
type Offered struct {
	EntryID string    `json:"entry_id"`
	URL     string    `json:"url"`     // for the new owner; a secret
	Expires time.Time `json:"expires"` // the present owner may offer it again
}

// Handover is what GET of the URL of [Offered] answers: the entry that waits for
// its new owner. Browsers that ask for a page are led to a form.
type Handover struct {
	EntryID   string    `json:"entry_id"`
	Name      string    `json:"name"`
	Addresses []string  `json:"addresses"`
	Key       string    `json:"key,omitempty"` // the present key of the server
	Expires   time.Time `json:"expires"`
}

// TakeOver is the body of a POST to the URL of [Offered], which answers 202
// with [Accepted]: an admin decides.
type TakeOver struct {
	Email string `json:"email"`         // that the offer names
	Key   string `json:"key,omitempty"` // the new public key of the server; empty: it has none any more
}

// SignedRequest is the body of POST /api/v1/entries/{id}/signed. The text of
// the request and what the key signs are described in package signedrequest.
type SignedRequest struct {
	Request string `json:"request"`           // signed note, action "edit" or "withdraw"
	Content string `json:"content,omitempty"` // of an edit: JSON of [Edit], byte by byte as it was signed
}

// SignedResult answers it: 200 when it is done, 202 when an admin decides.
type SignedResult struct {
	EntryID string   `json:"entry_id"`
	Done    bool     `json:"done"`
	Changed []string `json:"changed"`           // members; empty: it was listed like this already
	Request *Request `json:"request,omitempty"` // that waits
}

// Allowed is the body of POST /api/v1/admin/entries/{id}/allow, and its answer.
type Allowed struct {
	EntryID string   `json:"entry_id,omitempty"` // in the answer
	Members []string `json:"members,omitempty"`  // that the entry's key may change without an admin: "addresses", "version", "description"
	Default bool     `json:"default,omitempty"`  // what the root allows everywhere, in place of members
}

// Edit sends a server as its owner wants it.
func (c *Client) Edit(ctx context.Context, statusURL string, e Edit) (Request, error) {
	var out Request
	return out, c.call(ctx, http.MethodPost, below(statusURL, "edit"), e, &out)
}

// Withdraw takes a request back, or asks for its entry to be taken out of the
// list.
func (c *Client) Withdraw(ctx context.Context, statusURL string) (Request, error) {
	var out Request
	return out, c.call(ctx, http.MethodPost, below(statusURL, "withdraw"), struct{}{}, &out)
}

// OfferTransfer makes the URL with which another may ask for the entry. It is
// absolute.
func (c *Client) OfferTransfer(ctx context.Context, statusURL string, o Offer) (Offered, error) {
	var out Offered
	if err := c.call(ctx, http.MethodPost, below(statusURL, "transfer"), o, &out); err != nil {
		return Offered{}, err
	}
	a := Accepted{StatusURL: out.URL}
	err := c.absolute(&a)
	out.URL = a.StatusURL
	return out, err
}

// Handover tells what an offer is about.
func (c *Client) Handover(ctx context.Context, offerURL string) (Handover, error) {
	var out Handover
	return out, c.call(ctx, http.MethodGet, offerURL, nil, &out)
}

// TakeOver asks for an entry that was offered. The status URL of the answer is
// absolute.
func (c *Client) TakeOver(ctx context.Context, offerURL string, t TakeOver) (Accepted, error) {
	var out Accepted
	if err := c.call(ctx, http.MethodPost, offerURL, t, &out); err != nil {
		return Accepted{}, err
	}
	err := c.absolute(&out)
	return out, err
}

// CheckProof lets the root look for the token now.
func (c *Client) CheckProof(ctx context.Context, statusURL string) (ProofChecked, error) {
	var out ProofChecked
	return out, c.call(ctx, http.MethodPost, below(statusURL, "check"), struct{}{}, &out)
}

// ProveKey sends the token, signed by the server's own key.
func (c *Client) ProveKey(ctx context.Context, statusURL string, p KeyProof) (ProofChecked, error) {
	var out ProofChecked
	return out, c.call(ctx, http.MethodPost, below(statusURL, "prove"), p, &out)
}

// SendSigned sends a request under the key of an entry.
func (c *Client) SendSigned(ctx context.Context, entry string, r SignedRequest) (SignedResult, error) {
	var out SignedResult
	return out, c.call(ctx, http.MethodPost, "api/v1/entries/"+url.PathEscape(entry)+"/signed", r, &out)
}

// Allow says what an entry's key may change without an admin.
func (c *Client) Allow(ctx context.Context, entry string, a Allowed) (Allowed, error) {
	var out Allowed
	return out, c.call(ctx, http.MethodPost, adminPath("entries", entry, "allow"), a, &out)
}

// Prove lets the root look for the token of a registration now.
func (c *Client) Prove(ctx context.Context, id string) (ProofChecked, error) {
	var out ProofChecked
	return out, c.call(ctx, http.MethodPost, adminPath("registrations", id, "prove"), struct{}{}, &out)
}

// below appends to the path of a URL.
func below(statusURL, name string) string { return statusURL + "/" + name }
