package proof

import (
	"bufio"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// Limits of what is read from a stranger's host.
const (
	maxFile      = 4096 // bytes
	maxHeader    = 16 << 10
	maxRedirects = 3
	maxRecords   = 64
)

// A Config configures a [Checker].
type Config struct {
	Resolver     *net.Resolver // nil: the system's
	AllowPrivate bool          // look at loopback and private addresses, too
	Timeout      time.Duration // of one check of one host; 0: Timeout
	HTTPPort     string        // "": 80
	HTTPSPort    string        // "": 443
}

// A Checker looks for tokens. It is safe for concurrent use.
type Checker struct {
	cfg  Config
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	http *http.Client
}

// NewChecker returns a checker. It starts nothing.
func NewChecker(cfg Config) *Checker {
	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = Timeout
	}
	if cfg.HTTPPort == "" {
		cfg.HTTPPort = "80"
	}
	if cfg.HTTPSPort == "" {
		cfg.HTTPSPort = "443"
	}
	c := &Checker{cfg: cfg}
	c.dial = (&net.Dialer{Timeout: cfg.Timeout, Resolver: cfg.Resolver, ControlContext: c.checkDial}).DialContext
	c.http = &http.Client{CheckRedirect: c.checkRedirect, Transport: &http.Transport{
		DialContext:            c.dial,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		TLSHandshakeTimeout:    cfg.Timeout,
	}} // no Proxy: a proxy would dial what this program must not
	return c
}

// NewResolver returns a resolver that asks one server, at host:port; for "" the
// system's.
func NewResolver(server string) *net.Resolver {
	if server == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, server)
	}}
}

// A MissingError says that a host was asked and did not show the token.
type MissingError struct {
	Where string // the name of the record, or the URL
	Found string // what is there instead, in words
}

func (e *MissingError) Error() string { return fmt.Sprintf("%s %s", e.Where, e.Found) }

// CheckDNS looks for the token in the TXT records of a host name.
func (c *Checker) CheckDNS(ctx context.Context, host, token string) error {
	name := RecordName(host)
	if name == "" {
		return &MissingError{host, "is an address, which has no TXT record; use the file"}
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	records, err := c.cfg.Resolver.LookupTXT(ctx, name+".") // the dot: no search domain
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return &MissingError{name, "has no TXT record"}
	case errors.As(err, &dns) && dns.IsTimeout, ctx.Err() != nil:
		return &MissingError{name, "could not be asked: the DNS server did not answer in time"}
	case err != nil:
		return &MissingError{name, "could not be asked: the DNS server answered with an error"}
	}
	for _, record := range records[:min(len(records), maxRecords)] {
		if isToken(record, token) {
			return nil
		}
	}
	return &MissingError{name, fmt.Sprintf("has %d TXT records, and none of them is the one of this registration", len(records))}
}

// isToken tells whether a line shows the token.
func isToken(line, token string) bool {
	return subtle.ConstantTimeCompare([]byte(strings.TrimSpace(line)), []byte(Prefix+token)) == 1
}

// CheckHTTP looks for the token in the file of a host, first by https. A
// certificate that does not hold is as good as none: plain http is asked next.
func (c *Checker) CheckHTTP(ctx context.Context, host, token string) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	if c.fetch(ctx, "https", host, c.cfg.HTTPSPort, token) == nil {
		return nil
	}
	return c.fetch(ctx, "http", host, c.cfg.HTTPPort, token)
}

func (c *Checker) fetch(ctx context.Context, scheme, host, port, token string) error {
	u := url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port), Path: WellKnown}
	where := FileURL(host)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return &MissingError{where, "is no URL"}
	}
	req.Header.Set("User-Agent", "metaserver-proof")
	resp, err := c.http.Do(req)
	if err != nil {
		return &MissingError{where, explain(ctx, err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &MissingError{where, fmt.Sprintf("was answered with status %d", resp.StatusCode)}
	}
	return findToken(ctx, resp.Body, where, token)
}

// findToken reads the beginning of a file. It never repeats what it has read: a
// stranger's words, or those of a machine that only the root reaches.
func findToken(ctx context.Context, body io.Reader, where, token string) error {
	lines := bufio.NewScanner(io.LimitReader(body, maxFile))
	for lines.Scan() {
		if isToken(lines.Text(), token) {
			return nil
		}
	}
	if ctx.Err() != nil {
		return &MissingError{where, "did not arrive in time"}
	}
	return &MissingError{where, fmt.Sprintf("has no line with the token in its first %d bytes", maxFile)}
}

// A refusedError refuses to look at an address.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return e.text }

// explain says why a host could not be asked, in words that tell nothing about
// the root's own network.
func explain(ctx context.Context, err error) string {
	var refused *refusedError
	var dns *net.DNSError
	switch {
	case errors.As(err, &refused):
		return refused.text
	case ctx.Err() != nil:
		return "did not answer in time"
	case errors.As(err, &dns):
		return "could not be asked: the name does not resolve"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "could not be asked: nobody listens there"
	}
	return "could not be asked"
}

// checkDial judges an address when it is dialled, after its name was resolved.
func (c *Checker) checkDial(_ context.Context, _, address string, _ syscall.RawConn) error {
	if c.cfg.AllowPrivate {
		return nil
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil || serverlist.IsPrivateAddress(ap.Addr()) {
		return &refusedError{"leads to a private address, which this root does not look at"}
	}
	return nil
}

// checkRedirect follows a redirect within the host, to the usual ports.
func (c *Checker) checkRedirect(req *http.Request, via []*http.Request) error {
	port := req.URL.Port()
	usual := port == "" || req.URL.Scheme == "http" && port == c.cfg.HTTPPort || req.URL.Scheme == "https" && port == c.cfg.HTTPSPort
	switch {
	case len(via) > maxRedirects:
		return &refusedError{fmt.Sprintf("redirects more than %d times", maxRedirects)}
	case !strings.EqualFold(req.URL.Hostname(), via[0].URL.Hostname()) || !usual || req.URL.User != nil:
		return &refusedError{"redirects to another host or port; the file must be on the host itself"}
	}
	return nil
}
