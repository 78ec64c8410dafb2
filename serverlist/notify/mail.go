package notify

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

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
	To       []string               // addresses of [Mail.Send]; [Mail.Dial] needs none
	User     string                 // "": no login
	Password func() (string, error) // required with User; called for each connection
	TLS      string                 // "": STARTTLS
	CAFile   string                 // PEM certificates that vouch for the server; "": those of the system
}

func (m *Mail) String() string { return "mail by " + m.Host }

// Send gives the message to the mail server once: mail servers queue, so a
// refusal is worth telling at once.
func (m *Mail) Send(ctx context.Context, msg Message) error {
	if _, err := m.letter(m.To, msg); err != nil {
		return err // before anybody is asked
	}
	conn, err := m.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Send(m.To, msg)
}

// A MailConn is a connection to a mail server that is logged in. It is for one
// goroutine.
type MailConn struct {
	mail   *Mail
	line   *line
	client *gomail.Client
}

// Dial connects and logs in. The connection is cut when ctx ends; close it
// after use.
func (m *Mail) Dial(ctx context.Context) (*MailConn, error) {
	l := &line{ctx: ctx, tls: m.TLS == TLS}
	client, err := m.client(l)
	if err != nil {
		return nil, err
	}
	if err := client.DialWithContext(ctx); err != nil {
		l.hangUp()
		return nil, m.explain(err)
	}
	return &MailConn{m, l, client}, nil
}

// Send gives a message for some addresses to the server. It returns nil once
// the server has taken it, whatever becomes of the connection then.
func (c *MailConn) Send(to []string, msg Message) error {
	letter, err := c.mail.letter(to, msg)
	if err != nil {
		return err
	}
	if err := c.client.Send(letter); err != nil && !letter.IsDelivered() {
		return c.mail.explain(err)
	}
	return nil
}

// Close takes leave of the server. It returns no error: what the server has
// taken, it keeps.
func (c *MailConn) Close() {
	c.client.Close()
	c.line.hangUp()
}

// Refused tells whether a server has refused a message for good, as one for an
// address that it does not know; to send it again is of no use.
func Refused(err error) bool {
	var refused *gomail.SendError
	return errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= 500
}

func (m *Mail) letter(to []string, msg Message) (*gomail.Msg, error) {
	letter := gomail.NewMsg()
	if err := letter.From(m.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	if err := letter.To(to...); err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	letter.Subject(oneLine(msg.Subject))
	letter.SetDateWithValue(msg.Time)
	letter.SetMessageIDWithValue(m.messageID(msg.ID))
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // no holiday answers
	letter.SetBodyString(gomail.TypeTextPlain, msg.Text)
	return letter, nil
}

// oneLine keeps a subject from becoming further headers.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// messageID is the same whenever a message is sent, so that mail servers and
// readers know one that comes twice.
func (m *Mail) messageID(id string) string {
	sum := sha256.Sum256([]byte(id))
	_, domain, _ := strings.Cut(m.From, "@")
	if a, err := mail.ParseAddress(m.From); err == nil {
		domain = a.Address[strings.LastIndexByte(a.Address, '@')+1:]
	}
	return fmt.Sprintf("%x@%s", sum[:16], domain)
}

func (m *Mail) client(l *line) (*gomail.Client, error) {
	host, port, err := splitMailHost(m.Host)
	if err != nil {
		return nil, err
	}
	l.config = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if m.CAFile != "" {
		if l.config.RootCAs, err = readCA(m.CAFile); err != nil {
			return nil, err
		}
	}
	options := []gomail.Option{gomail.WithPort(port), gomail.WithTimeout(mailTimeout), gomail.WithTLSConfig(l.config), gomail.WithDialContextFunc(l.dial)}
	switch m.TLS {
	case NoTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	case TLS:
		// The line has TLS already, and the library finds out; its own option
		// for that does not know of lines that others have made.
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if m.User != "" {
		password, err := m.Password()
		if err != nil {
			return nil, fmt.Errorf("the password of the mail server: %w", err)
		}
		auth := gomail.SMTPAuthAutoDiscover
		if m.TLS == NoTLS && isLoopback(host) {
			auth = gomail.SMTPAuthPlainNoEnc // it does not leave this machine
		}
		options = append(options, gomail.WithSMTPAuth(auth), gomail.WithUsername(m.User), gomail.WithPassword(password))
	}
	return gomail.NewClient(host, options...)
}

func (m *Mail) explain(err error) error {
	return fmt.Errorf("the mail server %s: %w%s", m.Host, err, m.advice(err))
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
	data, err := io.ReadAll(io.LimitReader(f, maxCA+1))
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	if len(data) > maxCA {
		return nil, fmt.Errorf("ca_file: %s is larger than %d bytes: name a file that holds the authorities of this server alone", file, maxCA)
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
