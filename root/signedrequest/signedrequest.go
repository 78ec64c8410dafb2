// Package signedrequest is what the key of a listed server signs: a request of
// its owner that needs no status URL.
//
// # The text
//
// A request is seven lines, each of which ends with a line feed:
//
//	signed-metaserver/owner-request/1
//	origin ms.example.org
//	subject cat-2
//	action edit
//	content 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//	time 2026-11-03T11:42:00Z
//	sequence 1793706120000
//
// The first line is the context: no other document of the project begins with
// it, so that a signature made for one purpose is none for another. The origin
// is that of the root. The subject is the id of the entry, or of the
// registration (for a proof). The action is "edit", "withdraw" or "prove". The
// content is the SHA-256, in 64 lower-case hex digits, of what goes with the
// request: of an edit the whole new content, byte by byte as it is sent; of a
// proof the token to prove; of a withdrawal nothing, the hash of no bytes. The
// time is in UTC and whole seconds. The sequence is a decimal number from 1
// without leading zeros; the Unix time in milliseconds is a good one.
//
// # The signature
//
// The signed request is a C2SP signed note: the text, an empty line, and one
// line with an ed25519 signature over the text:
//
//	— NAME BASE64(4 bytes key hint, 64 bytes signature)
//
// The name and the hint are the signer's own business: the key that counts is
// the one that the list, or the registration, shows.
//
// # What a root accepts
//
// The text must be exactly of this form, name the root's origin, and be at most
// [MaxSkew] older or newer than the root's clock. The root remembers the
// highest sequence of each entry and takes only higher ones, for ever, so that
// nothing is done twice and nothing newer is undone by what was sent before. A
// sequence above the root's clock in milliseconds plus MaxSkew is refused: one
// mistake must not use up all numbers.
package signedrequest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// Context is the first line.
const Context = "signed-metaserver/owner-request/1"

// MaxSkew is how far the time of a request may be from the root's clock.
const MaxSkew = 10 * time.Minute

// MaxSize is above every signed request, in bytes.
const MaxSize = 2048

// Action is what is asked for.
type Action string

// The actions.
const (
	Edit     Action = "edit"
	Withdraw Action = "withdraw"
	Prove    Action = "prove"
)

// A Request is what the text says.
type Request struct {
	Origin   string
	Subject  string
	Action   Action
	Content  [sha256.Size]byte
	Time     time.Time // whole seconds
	Sequence int64
}

// New returns a request that is made now.
func New(origin, subject string, action Action, content []byte, now time.Time) *Request {
	return &Request{
		Origin: origin, Subject: subject, Action: action, Content: sha256.Sum256(content),
		Time: now.UTC().Truncate(time.Second), Sequence: now.UnixMilli(),
	}
}

// text returns the seven lines.
func (r *Request) text() string {
	return fmt.Sprintf("%s\norigin %s\nsubject %s\naction %s\ncontent %x\ntime %s\nsequence %d\n",
		Context, r.Origin, r.Subject, r.Action, r.Content, r.Time.UTC().Format(time.RFC3339), r.Sequence)
}

// Sign returns the signed request. It refuses what [Open] would refuse.
func (r *Request) Sign(signer *keys.Signer) ([]byte, error) {
	note, err := keys.Sign([]byte(r.text()), signer)
	if err != nil {
		return nil, err
	}
	_, err = Open(note, signer.VerifierKey().Public())
	return note, err
}

// Errors of [Open] and [Request.Check].
var (
	ErrSignature = errors.New("the signature is not one of this key over this text")
	ErrClock     = fmt.Errorf("the request's time is more than %s from the root's: set the clock of the machine that signs, or sign again", MaxSkew)
)

// Open verifies the one signature of a request and reads the text. Nothing of a
// request is known before its signature is. It has no clock: see
// [Request.Check].
func Open(note []byte, public ed25519.PublicKey) (*Request, error) {
	if len(note) > MaxSize {
		return nil, fmt.Errorf("a signed request of more than %d bytes", MaxSize)
	}
	text, line, ok := strings.Cut(string(note), "\n\n")
	if !ok {
		return nil, errors.New("this is no signed request: an empty line before the signature is missing")
	}
	text += "\n"
	signature, err := readSignature(line)
	if err != nil {
		return nil, err
	}
	if len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, []byte(text), signature) {
		return nil, ErrSignature
	}
	return parse(text)
}

// readSignature reads the line "— NAME BASE64".
func readSignature(line string) ([]byte, error) {
	rest, ok := strings.CutPrefix(line, "— ")
	rest, end := strings.CutSuffix(rest, "\n")
	name, b64, two := strings.Cut(rest, " ")
	if !ok || !end || !two || strings.Contains(b64, "\n") {
		return nil, errors.New("this is no signed request: after the empty line stands one line with one signature")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(b64)
	if err != nil || strings.ContainsAny(b64, "\r\n") || len(raw) != 4+ed25519.SignatureSize {
		return nil, errors.New("the signature is not base64 of 68 bytes")
	}
	if _, err := keys.NewVerifierKey(name, make([]byte, ed25519.PublicKeySize)); err != nil {
		return nil, fmt.Errorf("the name of the signer: %w", err)
	}
	return raw[4:], nil // the hint names a key; here the entry does
}

// parse reads the seven lines. There is one spelling of everything: what was
// read, written again, is the same text.
func parse(text string) (*Request, error) {
	lines := strings.Split(text, "\n")
	names := []string{"origin", "subject", "action", "content", "time", "sequence"}
	if len(lines) != len(names)+2 || lines[0] != Context {
		return nil, fmt.Errorf("the signed text is none of a request: it must be %d lines, the first of them %q", len(names)+1, Context)
	}
	values := make(map[string]string)
	for i, name := range names {
		value, ok := strings.CutPrefix(lines[i+1], name+" ")
		if !ok || value == "" {
			return nil, fmt.Errorf("line %d of the signed text must be %q and a value", i+2, name)
		}
		values[name] = value
	}
	r := &Request{Origin: values["origin"], Subject: values["subject"], Action: Action(values["action"])}
	hash, err := hex.DecodeString(values["content"])
	if err != nil || len(hash) != len(r.Content) {
		return nil, errors.New("line 5 of the signed text must be \"content\" and 64 lower-case hex digits")
	}
	copy(r.Content[:], hash)
	if r.Time, err = time.Parse(time.RFC3339, values["time"]); err != nil {
		return nil, errors.New("line 6 of the signed text must be \"time\" and a time as 2026-11-03T11:42:00Z")
	}
	r.Sequence, err = strconv.ParseInt(values["sequence"], 10, 64)
	if err != nil || r.Sequence < 1 {
		return nil, errors.New("line 7 of the signed text must be \"sequence\" and a number from 1")
	}
	if r.text() != text {
		return nil, errors.New("a value of the signed text is not in its one spelling: hex in small letters, the time in UTC and whole seconds, no leading zeros")
	}
	return r, nil
}

// Want is what a request must say.
type Want struct {
	Origin  string
	Subject string
	Actions []Action // one of them
	Content []byte   // what came with the request
	Now     time.Time
}

// Check tells whether the request is meant for this root, this subject and this
// content, and made just now. The sequence is for the store to judge, except
// that it must not be of the future.
func (r *Request) Check(w Want) error {
	switch {
	case r.Origin != w.Origin:
		return fmt.Errorf("the request was signed for the root %q; this is %q", r.Origin, w.Origin)
	case r.Subject != w.Subject:
		return fmt.Errorf("the request was signed for %q and sent for %q", r.Subject, w.Subject)
	case !slices.Contains(w.Actions, r.Action):
		return fmt.Errorf("the action %q is none that can be asked for here", r.Action)
	case r.Content != sha256.Sum256(w.Content):
		return errors.New("the content is not the one that was signed: it must be sent byte by byte as it was signed")
	case r.Time.Sub(w.Now).Abs() > MaxSkew:
		return ErrClock
	case r.Sequence > w.Now.Add(MaxSkew+time.Second).UnixMilli(): // the time has no parts of a second
		return errors.New("the sequence is higher than the root's clock in milliseconds: it would use up the numbers of later requests")
	}
	return nil
}
