package api

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// explain says what a failure to connect may mean.
func explain(req *http.Request, err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err // the outer one repeats the URL
	}
	host := req.URL.Host
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) && strings.Contains(req.URL.Path, "/admin/"):
		return fmt.Errorf("nobody listens at %s: is the root running? The admin API is on the admin listener (by default http://127.0.0.1:7481), not on the public one: %w", host, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens at %s: is the root running, and is this its public listener? %w", host, err)
	case errors.As(err, &dns):
		return fmt.Errorf("the name of %s cannot be resolved: is the URL of the root right, and is there a network? %w", host, err)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%s speaks plain http: write http://%s", host, host)
	case errors.As(err, &certificate):
		return fmt.Errorf("the TLS certificate of %s does not hold: is the URL of the root right, and the clock of this machine? %w", host, err)
	}
	return fmt.Errorf("asking %s: %w", host, err)
}

// noReason says what may have answered in place of a root.
func noReason(resp *http.Response, body io.Reader) string {
	host := resp.Request.URL.Host
	if start, _ := io.ReadAll(io.LimitReader(body, 64)); resp.StatusCode == http.StatusBadRequest && strings.HasPrefix(string(start), "Client sent an HTTP request to an HTTPS server") {
		return fmt.Sprintf("%s speaks TLS: write https://%s", host, host)
	}
	if to, err := resp.Location(); err == nil && resp.StatusCode/100 == 3 {
		return fmt.Sprintf("%s://%s sends such requests on to %s://%s, which is not followed: is that the root? Then write its URL.", resp.Request.URL.Scheme, host, to.Scheme, to.Host)
	}
	return fmt.Sprintf("%s answered %s without a reason: is this a root, and the right listener of it?", host, resp.Status)
}
