// Package web holds what the targets that speak HTTP have in common: a
// transport that gives up on silent hosts, and plain words for what goes wrong.
package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// Times that hosts are given, unless Options say otherwise.
const (
	DefaultConnect = 15 * time.Second
	DefaultSilence = 30 * time.Second
	WholeDocument  = 15 * time.Minute // for one document, so that a trickle ends too
)

// Content types and times to keep, as the root itself serves documents: lists
// change with every approval, trust documents never do.
const (
	ContentType = "text/plain; charset=utf-8"
	listCache   = "public, max-age=60"
	trustCache  = "public, max-age=31536000, immutable"
)

// CacheControl returns how long others may keep a document.
func CacheControl(name string) string {
	if strings.HasPrefix(name, "trust/") {
		return trustCache
	}
	return listCache
}

// Options of a transport; the zero value is usable.
type Options struct {
	RootCAs *x509.CertPool // nil: those of the system
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Silence time.Duration // without a byte in either direction; 0: DefaultSilence
}

// NewTransport returns a transport on which every connection ends once it has
// been silent for too long. It speaks HTTP/1.1 and decompresses nothing, so
// that lengths and ETags are those of the documents.
func NewTransport(o Options) *http.Transport {
	dial, silence := o.Dial, o.Silence
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	if silence <= 0 {
		silence = DefaultSilence
	}
	connect := min(DefaultConnect, silence)
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			timed, cancel := context.WithTimeout(ctx, connect)
			defer cancel()
			conn, err := dial(timed, network, address)
			if err != nil && ctx.Err() == nil && timed.Err() != nil {
				return nil, fmt.Errorf("no connection within %v: %w", connect, err)
			}
			if err != nil {
				return nil, err
			}
			return &watchedConn{conn, silence}, nil
		},
		TLSClientConfig:     &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: connect,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 1,
		IdleConnTimeout:     silence,
	}
}

// A watchedConn ends when nothing has moved for a while. Each use moves the
// deadline of both directions: during a long upload nothing is read.
type watchedConn struct {
	net.Conn
	silence time.Duration
}

func (c *watchedConn) Read(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	return n, c.explain(err)
}

func (c *watchedConn) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	return n, c.explain(err)
}

// explain says how long was waited.
func (c *watchedConn) explain(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("nothing moved for %v: %w", c.silence, err)
	}
	return err
}

// CheckEnd refuses an answer whose end cannot be told from a cut connection: a
// newer document that was cut off would count as broken, and be replaced.
func CheckEnd(resp *http.Response) error {
	if resp.ContentLength < 0 && resp.ProtoMajor == 1 && len(resp.TransferEncoding) == 0 {
		return errors.New("the host does not tell how long its answer is (neither Content-Length nor chunks), so that a cut one would pass for the document")
	}
	return nil
}

// Body ties what belongs to an answer to its end.
func Body(body io.ReadCloser, cancel context.CancelFunc) io.ReadCloser {
	return &closing{body, cancel}
}

type closing struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (c *closing) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err == io.EOF {
		return n, err
	}
	return n, Explain(err)
}

func (c *closing) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}

// Yields tells whether a document is this one, and closes it.
func Yields(r io.ReadCloser, data []byte) (bool, error) {
	held, err := io.ReadAll(io.LimitReader(r, int64(len(data))+1))
	return bytes.Equal(held, data), errors.Join(err, r.Close())
}

// Explain adds to errors of connections what they may mean.
func Explain(err error) error {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		plain   tls.RecordHeaderError
		timeout net.Error
		lookup  *net.DNSError
	)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nothing listens there: is the server running, and are host and port of the URL right?", err)
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return fmt.Errorf("%w: there is no such name: is the host of the URL right?", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("%w: the certificate of the host is out of date, or the clock of this machine is wrong", err)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: the certificate of the host is signed by nobody that this machine trusts; if it is the host's own, name the file of its authority", err)
	case errors.As(err, &name):
		return fmt.Errorf("%w: the certificate is for another name than the URL has", err)
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%w: the host speaks plain http on this port", err)
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%w: the host was silent for too long", err)
	}
	return err
}

// WithoutURL removes the URL that net/http puts before an error: messages name
// the target already.
func WithoutURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

// ParseBase reads the URL of a host: http or https, without name and password,
// query and fragment. It always ends in "/".
func ParseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("the URL cannot be read: write it as https://host.example.net/folder/") // url.Parse shows all of it, a password too
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, errors.New("the URL must begin with https:// or http:// and a host")
	case u.User != nil:
		return nil, errors.New("the URL holds a name or a password: give them in fields of their own, since URLs are shown in messages")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("the URL must end with the folder, without \"?\" and \"#\"")
	}
	if !strings.HasSuffix(u.Path, "/") {
		u = u.JoinPath("/")
	}
	return u, nil
}

// OneLine makes what a host says fit for a message.
func OneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "..."
	}
	return s
}
