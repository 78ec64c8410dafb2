// Package transfer is the form in which a root hands out its entries, and takes
// them: one JSON object a line, the entry as it stands in a server list, in
// canonical form, with one more member at its end that is not published.
//
//	{"id":"cat-2","name":"Cat 2","addresses":["cat2.example.net:13327"],"private":{"state":"listed","email":"cat@example.net"}}
//
// The id and the member private may be absent in what is taken.
package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// MaxLine is the most bytes that a line has, without its line feed.
const MaxLine = 1 << 20

// MaxNotes is how many notes of admins there may be about an entry.
const MaxNotes = 200

// maxAdmin is the most code points of an admin's name.
const maxAdmin = 100

// MaxReason is the most code points of a reason.
const MaxReason = serverlist.MaxDescription

// A Private is what is known of an entry and not published.
type Private struct {
	State        string     `json:"state,omitempty"`        // "listed", "suspended" or "revoked"; "": listed
	Email        string     `json:"email,omitempty"`        // of its owner
	Registration string     `json:"registration,omitempty"` // id at the root that handed it out; not taken over
	Created      *time.Time `json:"created,omitempty"`      // when it was listed first
	Updated      *time.Time `json:"updated,omitempty"`
	Reason       string     `json:"reason,omitempty"`       // of a revocation or a suspension
	Ends         *time.Time `json:"ends,omitempty"`         // the suspension, by itself; nil: when an admin says so
	SuspendedBy  string     `json:"suspended_by,omitempty"` // admin, or the root itself
	Allowed      []string   `json:"allowed,omitzero"`       // members that its key may change by signed requests; absent: those that the root allows
	Notes        []Note     `json:"notes,omitempty"`        // of admins, oldest first
}

// A Note is what an admin has noted down about an entry, or about a registration
// that became part of it.
type Note struct {
	At    time.Time `json:"at"`
	Admin string    `json:"admin"`
	Text  string    `json:"text"`
}

func (p *Private) checkNotes() error {
	if len(p.Notes) > MaxNotes {
		return fmt.Errorf("private: has %d notes, more than %d", len(p.Notes), MaxNotes)
	}
	for n, note := range p.Notes {
		err := errors.Join(serverlist.CheckText(note.Text, MaxReason), serverlist.CheckText(note.Admin, maxAdmin))
		if err == nil && (note.Text == "" || !storable(note.At)) {
			err = errors.New("needs a time and a text")
		}
		if err != nil {
			return fmt.Errorf("private: note %d %w", n+1, err)
		}
	}
	return nil
}

// An Entry is a line.
type Entry struct {
	Server  serverlist.Server // ID may be empty in what is taken
	Private Private
}

// AppendLine appends a line with its line feed. server is an entry's canonical
// JSON.
func AppendLine(b []byte, server string, p Private) ([]byte, error) {
	if len(server) < 2 || server[len(server)-1] != '}' {
		return b, errors.New("an entry is a JSON object")
	}
	private, err := marshal(p)
	if err != nil {
		return b, err
	}
	b = append(append(b, server[:len(server)-1]...), `,"private":`...)
	return append(append(b, private...), "}\n"...), nil
}

// marshal is json.Marshal without escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// unnamed stands for the id of an entry that has none while it is checked.
const unnamed = "unnamed"

// Parse reads a line without its line feed. The entry in it is one that
// readers of a list accept. Errors say what is wrong, not where.
func Parse(line []byte) (Entry, error) {
	if len(line) > MaxLine {
		return Entry{}, fmt.Errorf("has %d bytes, more than %d", len(line), MaxLine)
	}
	server, private, named, err := split(line)
	if err != nil {
		return Entry{}, err
	}
	var e Entry
	if err := e.Server.UnmarshalJSON(server); err != nil {
		return Entry{}, err
	}
	if !named {
		e.Server.ID = ""
	}
	if private == nil {
		return e, nil
	}
	dec := json.NewDecoder(bytes.NewReader(private))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e.Private); err != nil {
		return Entry{}, fmt.Errorf("private: %w", err)
	}
	return e, e.Private.check()
}

// split takes the member "private" out of an object. One without an id gets
// one.
func split(line []byte) (server []byte, private json.RawMessage, named bool, err error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, false, errors.New("is not a JSON object: it must begin with {")
	}
	server = append(make([]byte, 0, len(line)+32), '{')
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, nil, false, notJSON(err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, nil, false, notJSON(err)
		}
		name := t.(string) // before a colon the decoder takes nothing else
		if name == "private" {
			if private != nil {
				return nil, nil, false, errors.New(`has the member "private" twice`)
			}
			private = value
			continue
		}
		named = named || name == "id"
		text, err := marshal(name)
		if err != nil {
			return nil, nil, false, err
		}
		server = append(append(append(append(server, text...), ':'), value...), ',')
	}
	if _, err := dec.Token(); err != nil {
		return nil, nil, false, notJSON(err)
	}
	if dec.InputOffset() != int64(len(bytes.TrimRight(line, " \t\r"))) {
		return nil, nil, false, errors.New("has something after the object")
	}
	if !named {
		server = append(server, `"id":"`+unnamed+`",`...)
	}
	server[len(server)-1] = '}'
	return server, private, named, nil
}

func notJSON(err error) error { return fmt.Errorf("is not JSON: %w", err) }

func (p *Private) check() error {
	switch p.State {
	case "", "listed", "revoked", "suspended":
	default:
		return fmt.Errorf("private: state %q is none of listed, suspended, revoked", clip(p.State))
	}
	if err := serverlist.CheckText(p.Reason, MaxReason); err != nil {
		return fmt.Errorf("private: reason %w", err)
	}
	if err := errors.Join(p.checkSuspension(), p.checkNotes()); err != nil || p.Email == "" {
		return err
	}
	a, err := mail.ParseAddress(p.Email)
	if err != nil || a.Name != "" || a.Address != p.Email || len(p.Email) > 254 || serverlist.CheckText(p.Email, 254) != nil {
		return errors.New("private: email is not an e-mail address; write user@example.org, without a name")
	}
	return nil
}

func (p *Private) checkSuspension() error {
	switch {
	case p.State != "suspended" && (p.Ends != nil || p.SuspendedBy != ""):
		return errors.New(`private: has ends or suspended_by and is not suspended; leave them out, or write "state":"suspended"`)
	case p.Ends != nil && !storable(*p.Ends):
		return errors.New("private: ends must be after 1970 and before 10000, in UTC; leave it out if an admin is to end the suspension")
	}
	if err := serverlist.CheckText(p.SuspendedBy, maxAdmin); err != nil {
		return fmt.Errorf("private: suspended_by %w", err)
	}
	return nil
}

// storable says whether a time can be kept, and handed out again.
func storable(t time.Time) bool { return t.Unix() > 0 && t.UTC().Year() <= 9999 }

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
