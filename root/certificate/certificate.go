// Package certificate gives listeners their TLS certificates: from files, which
// are read again when they change, or from an authority that speaks ACME, as
// Let's Encrypt does.
package certificate

import (
	"context"
	"crypto/tls"
	"time"
)

// A Source has the certificate of a listener. It is safe for concurrent use.
type Source interface {
	// TLS returns the configuration for the listener: TLS 1.2 at least, HTTP/2
	// and HTTP/1.1. What is reloaded or renewed takes effect with the next
	// connection.
	TLS() *tls.Config

	// Run keeps the certificate in order until ctx ends, and then returns nil.
	// Failures are logged; what was served before stays.
	Run(ctx context.Context) error

	// Reload does at once what Run does at times. With an error what was served
	// before stays.
	Reload() error

	// Expiry returns when the certificate expires, the earliest if there are
	// several; zero: there is none yet.
	Expiry() time.Time
}

// warnBefore is how long before the end of a certificate its age is worth a
// warning. Authorities give 90 days and renew in the last 30; certificates of six
// days are renewed every third.
const warnBefore = 14 * 24 * time.Hour

// Expiring tells whether a certificate that is valid between these times should
// have been renewed by now.
func Expiring(from, until, now time.Time) bool {
	left := until.Sub(now)
	return left < warnBefore && left < until.Sub(from)/4
}

// base is what every TLS configuration here begins with.
func base(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     append([]string{"h2", "http/1.1"}, protocols...),
		GetCertificate: get,
	}
}
