package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"os"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// The ways to protect the connection to a mail server.
const (
	STARTTLS = "starttls" // the default: plain first, and TLS before anything is said
	TLS      = "tls"      // from the first byte, mostly on port 465
	NoTLS    = "none"     // for a mail server on this machine
)

const (
	mailTimeout = 30 * time.Second // for each step
	maxCA       = 1 << 20          // bytes
)

// Mail sends messages through a mail server.
type Mail struct {
	Host     string                 // host:port
	From     string                 // an address, with a name or without
	To       []string               // addresses
	User     string                 // "": no login
	Password func() (string, error) // required with User
	TLS      string                 // "": STARTTLS
	CAFile   string                 // PEM certificates that vouch for the server; "": those of the system
}

func (m *Mail) String() string { return "mail by " + m.Host }

// Send gives the message to the mail server once: mail servers queue, so a
// refusal is worth telling at once.
func (m *Mail) Send(ctx context.Context, msg Message) error {
	letter, err := m.letter(msg)
	if err != nil {
		return err
	}
	client, err := m.client()
	if err != nil {
		return err
	}
	if err := client.DialAndSendWithContext(ctx, letter); err != nil {
		return fmt.Errorf("the mail server %s: %w%s", m.Host, err, m.advice(err))
	}
	return nil
}

func (m *Mail) letter(msg Message) (*gomail.Msg, error) {
	letter := gomail.NewMsg()
	if err := letter.From(m.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	if err := letter.To(m.To...); err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	letter.Subject(msg.Subject)
	letter.SetDateWithValue(msg.Time)
	letter.SetMessageID()
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // no holiday answers
	letter.SetBodyString(gomail.TypeTextPlain, msg.Text)
	return letter, nil
}

func (m *Mail) client() (*gomail.Client, error) {
	host, port, err := splitMailHost(m.Host)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if m.CAFile != "" {
		if config.RootCAs, err = readCA(m.CAFile); err != nil {
			return nil, err
		}
	}
	options := []gomail.Option{gomail.WithPort(port), gomail.WithTimeout(mailTimeout), gomail.WithTLSConfig(config)}
	switch m.TLS {
	case NoTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	case TLS:
		options = append(options, gomail.WithSSL())
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if m.User != "" {
		password, err := m.Password()
		if err != nil {
			return nil, err
		}
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(m.User), gomail.WithPassword(password))
	}
	return gomail.NewClient(host, options...)
}

// advice tells what to look at.
func (m *Mail) advice(err error) string {
	var unknown x509.UnknownAuthorityError
	var network net.Error
	switch {
	case errors.As(err, &unknown):
		return " (name the certificate of its authority as ca_file)"
	case m.TLS == TLS && errors.As(err, new(tls.RecordHeaderError)):
		return ` (it begins without TLS: write tls = "starttls")`
	case errors.As(err, &network) && network.Timeout() && m.TLS != TLS:
		return ` (if it wants TLS from the first byte, as on port 465, write tls = "tls")`
	}
	return ""
}

func readCA(file string) (*x509.CertPool, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCA))
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("ca_file: %s holds no certificate in PEM form", file)
	}
	return pool, nil
}

func splitMailHost(s string) (host string, port int, err error) {
	host, digits, err := net.SplitHostPort(s)
	if err == nil {
		port, err = strconv.Atoi(digits)
	}
	if err != nil || host == "" || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf(`host %q has no port: write it as "smtp.example.net:587"`, s)
	}
	return host, port, nil
}

// mail reads the keys of a mail channel.
func (r *reader) mail() *Mail {
	m := &Mail{
		Host:     r.Text("host"),
		From:     r.Text("from"),
		To:       r.Texts("to"),
		User:     r.Text("user"),
		Password: r.secret("password"),
		TLS:      r.Text("tls"),
		CAFile:   r.path("ca_file"),
	}
	r.Require("host", `host = "smtp.example.net:587"`)
	r.Require("from", `from = "mirror@example.net"`)
	r.Require("to", `to = ["me@example.net"]`)
	if m.Host != "" {
		_, _, err := splitMailHost(m.Host)
		r.Check("host", err)
	}
	for _, address := range append([]string{m.From}, m.To...) {
		if _, err := mail.ParseAddress(address); address != "" && err != nil {
			key := "to"
			if address == m.From {
				key = "from"
			}
			r.Check(key, fmt.Errorf("%s: %q is not a mail address", key, address))
		}
	}
	r.checkLogin(m)
	return m
}

func (r *reader) checkLogin(m *Mail) {
	switch m.TLS {
	case "", STARTTLS, TLS:
	case NoTLS:
		if m.User != "" {
			r.Check("tls", errors.New(`tls = "none" would send the password in clear: use "starttls" or "tls", or a mail server that wants no login`))
		}
	default:
		r.Check("tls", fmt.Errorf(`tls %q is not known; known: "starttls" (the default), "tls", "none"`, m.TLS))
	}
	if (m.User == "") != (m.Password == nil) {
		r.Check("user", errors.New("user and a password (password_file or password_env) go together"))
	}
}
