package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/proofofwork"
)

// A Client speaks to a root: to its public listener with [Client.Register] and
// [Client.Status], to its admin listener with everything else, which needs a
// token. It is safe for concurrent use. Every call returns a [*Problem] as its
// error when the root refused, and any other error when it could not be asked.
type Client struct {
	Root  string       // required: base URL of the listener, as "http://127.0.0.1:7481"
	Token string       // an admin's token, with its prefix; "": none
	HTTP  *http.Client // nil: that of NewHTTP

	// Working is called now and then while Register or RegisterMirror does a proof
	// of work that a root under flood asks for, with the number of tries so far;
	// the mean is 2 to the power of the puzzle's bits. nil: the work is done
	// silently.
	Working func(w ProofOfWork, tries uint64)
}

// maxAnswer is the most that is read of an answer, in bytes: above a full queue
// of the largest registrations that a root takes by default.
const maxAnswer = 512 << 20

// Register asks for a server to be listed, and does the work that a root under
// flood asks for. The status URL of the answer is absolute.
func (c *Client) Register(ctx context.Context, req RegistrationRequest) (Accepted, error) {
	var out Accepted
	if err := c.callWorking(ctx, "api/v1/registrations", req, &out); err != nil {
		return Accepted{}, err
	}
	err := c.absolute(&out)
	return out, err
}

// Status tells what has become of a registration. statusURL is that of
// [Accepted].
func (c *Client) Status(ctx context.Context, statusURL string) (Status, error) {
	var out Status
	return out, c.call(ctx, http.MethodGet, statusURL, nil, &out)
}

// Pending returns all registrations that wait for a decision, oldest first.
func (c *Client) Pending(ctx context.Context) ([]Registration, error) {
	var out []Registration
	return out, c.call(ctx, http.MethodGet, adminPath("registrations"), nil, &out)
}

// Registration returns one registration with its conflicts.
func (c *Client) Registration(ctx context.Context, id string) (Registration, error) {
	var out Registration
	return out, c.call(ctx, http.MethodGet, adminPath("registrations", id), nil, &out)
}

// Look makes the root look at the server of a registration again, now.
func (c *Client) Look(ctx context.Context, id string) (Registration, error) {
	var out Registration
	return out, c.call(ctx, http.MethodPost, adminPath("registrations", id, "look"), nil, &out)
}

// Approve makes a registration a listed entry.
func (c *Client) Approve(ctx context.Context, id string, how Approval) (Decided, error) {
	var out Decided
	return out, c.call(ctx, http.MethodPost, adminPath("registrations", id, "approve"), how, &out)
}

// Reject ends a pending registration. The requester reads the reason.
func (c *Client) Reject(ctx context.Context, id, reason string) (Decided, error) {
	var out Decided
	return out, c.call(ctx, http.MethodPost, adminPath("registrations", id, "reject"), Reason{reason}, &out)
}

// Revoke takes an entry out of the list, for good: its id is never given again.
func (c *Client) Revoke(ctx context.Context, entry, reason string) (Decided, error) {
	var out Decided
	return out, c.call(ctx, http.MethodPost, adminPath("entries", entry, "revoke"), Reason{reason}, &out)
}

// Mirrors returns the mirrors and what the root knows of them, the root's own
// entry and those that the list leaves out among them.
func (c *Client) Mirrors(ctx context.Context) ([]WatchedMirror, error) {
	var out []WatchedMirror
	return out, c.call(ctx, http.MethodGet, adminPath("mirrors"), nil, &out)
}

// AddMirror adds a mirror and returns when the mirror list with it is served.
func (c *Client) AddMirror(ctx context.Context, m NewMirror) (Published, error) {
	var out Published
	return out, c.call(ctx, http.MethodPost, adminPath("mirrors"), m, &out)
}

// RemoveMirror removes a mirror and returns when the mirror list without it is
// served.
func (c *Client) RemoveMirror(ctx context.Context, id string) (Published, error) {
	var out Published
	return out, c.call(ctx, http.MethodDelete, adminPath("mirrors", id), nil, &out)
}

// Lists says how the publishing goes.
func (c *Client) Lists(ctx context.Context) ([]List, error) {
	var out []List
	return out, c.call(ctx, http.MethodGet, adminPath("lists"), nil, &out)
}

// Targets says how it goes with the places that the root brings its documents
// to.
func (c *Client) Targets(ctx context.Context) ([]Target, error) {
	var out []Target
	return out, c.call(ctx, http.MethodGet, adminPath("targets"), nil, &out)
}

// RegisterByAdmin puts a registration into the queue, through the admin
// listener.
func (c *Client) RegisterByAdmin(ctx context.Context, req RegistrationRequest) (Accepted, error) {
	var out Accepted
	return out, c.call(ctx, http.MethodPost, adminPath("registrations"), req, &out)
}

// RegisterMirrorByAdmin does the same for a mirror.
func (c *Client) RegisterMirrorByAdmin(ctx context.Context, req MirrorRequest) (Accepted, error) {
	var out Accepted
	return out, c.call(ctx, http.MethodPost, adminPath("mirror-registrations"), req, &out)
}

// Confirm releases an edition that waits because it loses many entries. change
// is that of [List].Confirm.
func (c *Client) Confirm(ctx context.Context, list string, change int64) (List, error) {
	var out List
	return out, c.call(ctx, http.MethodPost, adminPath("lists", list, "confirm"), Confirmation{change}, &out)
}

// Trust returns all trust documents, in order.
func (c *Client) Trust(ctx context.Context) ([]Trust, error) {
	var out []Trust
	return out, c.call(ctx, http.MethodGet, adminPath("trust"), nil, &out)
}

// PublishTrust publishes the next trust document, and returns when it is served
// together with lists that hold under it. The document that is the newest
// already may be sent again.
func (c *Client) PublishTrust(ctx context.Context, document []byte) (TrustPublished, error) {
	var out TrustPublished
	return out, c.call(ctx, http.MethodPost, adminPath("trust"), plainText(document), &out)
}

// plainText is a body that is sent as it is.
type plainText []byte

// adminPath escapes each part, so that no id can leave its place.
func adminPath(parts ...string) string {
	path := "api/v1/admin"
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

// base returns the root's URL as a folder, to which paths are appended.
func (c *Client) base() (*url.URL, error) {
	u, err := url.Parse(c.Root)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of a root; write it as http://host:port", c.Root)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, nil
}

// call sends one request and reads its answer into the value out points to.
func (c *Client) call(ctx context.Context, method, path string, body, out any) error {
	return c.send(ctx, method, path, body, "", out)
}

// send is call with a proof of work; "": none.
func (c *Client) send(ctx context.Context, method, path string, body any, proof string, out any) error {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	if proof != "" {
		req.Header.Set(proofofwork.Header, proof)
	}
	resp, err := c.client().Do(req)
	if err != nil {
		return explain(req, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return problemOf(resp, io.LimitReader(resp.Body, maxAnswer))
	}
	return readAnswer(resp, out)
}

// readAnswer reads an answer into the value out points to.
func readAnswer(resp *http.Response, out any) error {
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("the answer of %s is not whole: %w", resp.Request.URL.Host, err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	base, err := c.base()
	if err != nil {
		return nil, err
	}
	target, err := base.Parse(path)
	if err != nil {
		return nil, fmt.Errorf("%q is not a URL: %w", path, err)
	}
	data, contentType, err := encode(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.Token != "" && target.Host == base.Host && target.Scheme == base.Scheme {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	return req, nil
}

// encode returns a body and its type; nil and "" for no body.
func encode(body any) (data []byte, contentType string, err error) {
	switch b := body.(type) {
	case nil:
		return nil, "", nil
	case plainText:
		return b, "text/plain; charset=utf-8", nil
	case madeJSON:
		return b, "application/json", nil
	case entryLines:
		return b, linesType, nil
	default:
		data, err = json.Marshal(body)
		return data, "application/json", err
	}
}

// Times that a root may take for an answer. What admins ask for may need a look
// at a mirror, whole and from elsewhere.
const (
	publicAnswer = time.Minute
	adminAnswer  = 6 * time.Minute // above that for which a root lets an answer take
)

func (c *Client) client() *http.Client {
	if c.HTTP == nil {
		return NewHTTP(nil, c.Token != "")
	}
	return c.HTTP
}

// NewHTTP returns an HTTP client for a root's public listener, or for its admin
// listener, over a transport; nil: [http.DefaultTransport]. It has a timeout,
// and follows no redirect: a root sends none, and a token must not travel.
func NewHTTP(over http.RoundTripper, admin bool) *http.Client {
	c := &http.Client{
		Transport:     over,
		Timeout:       publicAnswer,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if admin {
		c.Timeout = adminAnswer
	}
	return c
}

// problemOf reads the problem document of an answer, or makes one where
// something that is no root has answered.
func problemOf(resp *http.Response, body io.Reader) error {
	p := &Problem{}
	t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if t != ProblemType || json.NewDecoder(io.LimitReader(body, 1<<20)).Decode(p) != nil {
		return &Problem{Title: http.StatusText(resp.StatusCode), Status: resp.StatusCode, Detail: noReason(resp, body)}
	}
	p.Status = resp.StatusCode
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	if p.Status == http.StatusNotFound && strings.Contains(resp.Request.URL.Path, "/admin/") && p.Detail == NoSuchPath {
		p.Detail += " The admin API is on the admin listener (by default http://127.0.0.1:7481), not on the public one."
	}
	if p.Status == http.StatusUnauthorized && !strings.Contains(resp.Request.URL.Path, "/admin/") {
		p.Detail = AdminListener
	}
	return p
}

// AdminListener is the detail of a [Problem] when what everybody may ask was
// asked of an admin listener.
const AdminListener = "This is the admin listener of a root. Requests of servers and mirrors go to its public one (by default http://127.0.0.1:7480)."
