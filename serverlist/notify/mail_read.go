package notify

import (
	"cmp"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"

	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// What a table of a mail server needs, and an example of each.
var (
	hostExample = `host = "smtp.example.net:587"`
	fromExample = `from = "mirror@example.net"`
)

// ReadMailServer reads the keys of a mail server: those of a [[notify]] of type
// "mail" but for "to". What is wrong is noted in t, whose other keys the caller
// reads before it asks for unknown ones. Dir and notes are those of [Read].
func ReadMailServer(t *tomlfile.Table, dir string) (m *Mail, notes []string) {
	r := &reader{Table: t, dir: dir}
	m = r.mailServer()
	for _, p := range m.problems() {
		r.Check(p.key, p.err)
	}
	return m, r.notes
}

// mail reads the keys of a mail channel.
func (r *reader) mail() *Mail {
	m := r.mailServer()
	m.To = r.Texts("to")
	r.Require("to", `to = ["me@example.net"]`)
	for _, p := range m.problems() {
		r.Check(p.key, p.err)
	}
	return m
}

func (r *reader) mailServer() *Mail {
	m := &Mail{
		Host:     r.Text("host"),
		From:     r.Text("from"),
		User:     r.Text("user"),
		Password: r.secret("password"),
		TLS:      r.Text("tls"),
		CAFile:   r.path("ca_file"),
	}
	r.Refuse("port", "it stands behind the host, as in "+hostExample)
	r.Require("host", hostExample)
	r.Require("from", fromExample)
	return m
}

// Check returns what is wrong with the settings. It asks no server.
func (m *Mail) Check() error {
	switch {
	case m.Host == "":
		return errors.New("host is missing: add " + hostExample)
	case m.From == "":
		return errors.New("from is missing: add " + fromExample)
	}
	var all []error
	for _, p := range m.problems() {
		all = append(all, p.err)
	}
	return errors.Join(all...)
}

// CheckMailAddress returns an error unless s is the address of a person, with a
// name or without.
func CheckMailAddress(s string) error {
	if _, err := mail.ParseAddress(s); err != nil {
		return fmt.Errorf("%q is not a mail address", s)
	}
	return nil
}

// A problem is what is wrong with the value of a key.
type problem struct {
	key string
	err error
}

// problems finds what is wrong with the values that are there.
func (m *Mail) problems() (all []problem) {
	add := func(key string, err error) {
		if err != nil {
			all = append(all, problem{key, err})
		}
	}
	if m.Host != "" {
		_, _, err := splitMailHost(m.Host)
		add("host", err)
	}
	address := func(key, s string) {
		if err := CheckMailAddress(s); s != "" && err != nil {
			add(key, fmt.Errorf("%s: %w", key, err))
		}
	}
	address("from", m.From)
	for _, to := range m.To {
		address("to", to)
	}
	add("tls", m.checkTLS())
	if (m.User == "") != (m.Password == nil) {
		add("user", errors.New("user and a password (password_file or password_env) go together"))
	}
	return all
}

func (m *Mail) checkTLS() error {
	switch cmp.Or(m.TLS, STARTTLS) {
	case STARTTLS, TLS:
		return nil
	case NoTLS:
		host, _, err := splitMailHost(m.Host)
		if m.User == "" || err == nil && isLoopback(host) {
			return nil
		}
		return errors.New(`tls = "none" would send the password in clear: use "starttls" or "tls", or a mail server that wants no login`)
	}
	return fmt.Errorf(`tls %q is not known; known: "starttls" (the default), "tls", "none"`, m.TLS)
}

// isLoopback tells whether what is sent to a host stays on this machine.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || host == "localhost"
}
