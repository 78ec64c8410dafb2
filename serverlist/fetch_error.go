package serverlist

import (
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
	"unicode/utf8"

	"github.com/signed-metaserver/metaserver/keys"
)

// ErrNotModified says that the source has exactly the list that is held.
var ErrNotModified = errors.New("not modified: the source has the list that is held")

// ErrOlder says that the source has a verified list with a lower
// (epoch, version) than the one held. Its body was not read.
var ErrOlder = errors.New("the source has a list older than the one that is held: it is behind, or it withholds news")

// A ConflictError says that the source has a verified head with the
// (epoch, version) of the list held and another text. One of the signing keys
// signed two editions of one number: by mistake, or because it is stolen.
type ConflictError struct {
	URL  string
	Held []byte // signed head of the list that is held
	Got  []byte // signed head from URL
}

func (e *ConflictError) Error() string {
	return e.URL + ": signed with the epoch and version of the list that is held, but different: a signing key is misused, or two roots sign without knowing of each other; tell the admins"
}

// A FetchError says why a URL yielded no document.
type FetchError struct {
	URL     string
	Outcome Outcome // OutcomeAbsent, OutcomeRefused or OutcomeFailed
	Detail  string  // what happened and what it may mean
	Err     error   // the cause; may be nil

	status int // of the answer; 0: none
}

func (e *FetchError) Error() string { return e.URL + ": " + e.Detail }

// Unwrap returns the cause.
func (e *FetchError) Unwrap() error { return e.Err }

// Reasons of the Fetcher's own to give up. They are the cause of the
// context's end, so that whoever sees "context canceled" can look them up.
var (
	errHeadTime = errors.New("no verified head in time: the source is overloaded, or holds connections open on purpose")
	errWalkTime = errors.New("not all trust documents in time: the next refresh goes on from here")
	errStall    = errors.New("the transfer stalled")
	errTooSlow  = errors.New("the transfer is slower than the minimum: an overloaded source, or one that wants to keep the client busy")
	errTooMuch  = errors.New("more bytes arrive than the document can need")
)

// refusal is an error that the answer, not the network, is to blame for.
type refusal string

func (r refusal) Error() string { return string(r) }

// explain turns an error of one fetch into a FetchError. Errors that tell of a
// verified document, and those explained already, pass.
func explain(url string, err error) error {
	var conflict *ConflictError
	var explained *FetchError
	if err == nil || errors.Is(err, ErrNotModified) || errors.Is(err, ErrOlder) ||
		errors.As(err, &conflict) || errors.As(err, &explained) {
		return err
	}
	e := &FetchError{URL: url, Outcome: OutcomeFailed, Err: err}
	var document *keys.Error
	var answer refusal
	switch {
	case errors.As(err, &document):
		e.Outcome, e.Detail = OutcomeRefused, document.Error()
	case errors.As(err, &answer):
		e.Outcome, e.Detail = OutcomeRefused, answer.Error()
	case errors.Is(err, ErrShortHead):
		e.Outcome, e.Detail = OutcomeRefused, "the document ends before its head does: a cut transfer, or not a signed document"
	default:
		e.Detail = explainNetwork(err)
	}
	return e
}

// What Windows says in place of ECONNRESET and ECONNREFUSED, which package
// syscall has there, too, but which no call returns.
const (
	wsaConnReset   syscall.Errno = 10054
	wsaConnRefused syscall.Errno = 10061
)

func explainNetwork(err error) string {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var private *privateError
	switch {
	case errors.As(err, &private):
		return private.Error()
	case errors.Is(err, errHeadTime), errors.Is(err, errWalkTime), errors.Is(err, errStall), errors.Is(err, errTooSlow), errors.Is(err, errTooMuch),
		errors.Is(err, errLost), errors.Is(err, errGrace):
		return err.Error()
	case err == context.DeadlineExceeded, errors.Is(err, context.Canceled): // the caller's; timeouts of net are below
		return fmt.Sprintf("given up: %v", err)
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s cannot be resolved: offline, or the domain is gone (%s)", clip(dns.Name), words(dns))
	case errors.As(err, &certificate), errors.As(err, &unknown):
		return fmt.Sprintf("the TLS certificate does not hold: a wrong clock, a captive portal, or it expired (%s); an http URL needs none, the signature protects the list", words(err))
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the answer is not TLS: a captive portal, or an http port under an https URL"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, wsaConnRefused):
		return "connection refused: nothing listens there; the server is down, or the port is wrong"
	case isTimeout(err):
		return fmt.Sprintf("no connection in time: the host is down, unreachable, or a firewall swallows packets (%s)", words(err))
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, wsaConnReset):
		return fmt.Sprintf("the connection broke off (%s)", words(err))
	}
	return words(err)
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// words returns what an error of the network says, without the "Get URL:" that
// net/http puts in front: the URL is told anyway. A host has a say in some of
// these errors, as by the names in its certificate; it shall neither control
// the terminal that they are printed on, nor fill it.
func words(err error) string {
	const most = 400
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	text := err.Error()
	if len(text) > most {
		text = text[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) || keys.IsInvisible(r) {
			return utf8.RuneError
		}
		return r
	}, text)
}

// statusError explains an answer that brings no document.
func statusError(url string, code int) *FetchError {
	e := &FetchError{URL: url, Outcome: OutcomeFailed, status: code,
		Detail: fmt.Sprintf("HTTP %d %s", code, http.StatusText(code))}
	switch {
	case code == http.StatusNotFound || code == http.StatusGone:
		e.Outcome = OutcomeAbsent
		e.Detail += ": there is no such document here; not published yet, or the URL is wrong"
	case code == http.StatusNetworkAuthenticationRequired:
		e.Detail += ": a captive portal; log in to the network with a browser"
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusProxyAuthRequired:
		e.Detail += ": the host wants a login; a mirror must be readable by all"
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		e.Detail += ": overloaded or in maintenance"
	case code >= 300 && code < 400:
		e.Detail += ": a redirect that leads nowhere"
	case code >= 500:
		e.Detail += ": the host is out of order"
	}
	return e
}
