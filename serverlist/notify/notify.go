// Package notify tells people and programs that something has happened: by
// mail, and by a webhook. The [[notify]] tables of a configuration file say
// whom:
//
//	[[notify]]
//	type = "mail"
//	host = "smtp.example.net:587"
//	from = "mirror@example.net"
//	to = ["me@example.net"]
//	user = "mirror@example.net"
//	password_file = "smtp.password"
//
//	[[notify]]
//	type = "webhook"
//	url = "https://example.net/hook"
//	secret_file = "hook.secret"
package notify

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// A Message is one event. Its JSON form is what a webhook gets.
type Message struct {
	ID      string    `json:"id"`    // the same when it is sent again because the answer was lost
	Event   string    `json:"event"` // for programs, as "mirror.freshness"
	Time    time.Time `json:"time"`
	Subject string    `json:"subject"`           // one line
	Text    string    `json:"text"`              // plain text, lines as a person reads them
	Details any       `json:"details,omitempty"` // for programs; marshalled as JSON
}

// A Channel carries messages. It is safe for concurrent use; String names it in
// messages and never holds a secret.
type Channel interface {
	fmt.Stringer

	// Send returns nil once the message was taken. It tries again by itself
	// for about a minute where that may help.
	Send(ctx context.Context, m Message) error
}

// Read reads every [[notify]] of a file. Relative paths are relative to dir.
// What is wrong is noted in top: look at its Err before the result is used. The
// notes say what the operator should know and what is no error.
func Read(top *tomlfile.Table, dir string) (channels []Channel, notes []string) {
	for _, t := range top.Tables("notify") {
		r := &reader{Table: t, dir: dir}
		switch kind := r.Text("type"); kind {
		case "webhook":
			channels = append(channels, r.webhook())
			r.RefuseUnknown()
		case "mail":
			channels = append(channels, r.mail())
			r.RefuseUnknown()
		case "":
			r.Require("type", `type = "mail" or type = "webhook"`)
		default:
			r.Check("type", fmt.Errorf(`type %q is not known; known: "mail", "webhook"`, kind))
		}
		notes = append(notes, r.notes...)
	}
	return channels, notes
}

type reader struct {
	*tomlfile.Table
	dir   string
	notes []string
}

// secret reads the keys of a secret; nil: none is given.
func (r *reader) secret(name string) func() (string, error) {
	s := r.Secret(name, r.dir)
	if s == nil {
		return nil
	}
	if err := s.Exposed(); err != nil {
		r.notes = append(r.notes, err.Error())
	}
	return s.Get
}

// path returns a path of the file, absolute or relative to its folder.
func (r *reader) path(key string) string {
	p := r.Text(key)
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(r.dir, p)
}
