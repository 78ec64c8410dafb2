package mail

import (
	"crypto/tls"
	"crypto/x509"
)

// TLSRoots are certificates to trust in place of those of the system.
type TLSRoots struct{ Pool *x509.CertPool }

func (r *TLSRoots) config(host string) *tls.Config {
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if r != nil {
		cfg.RootCAs = r.Pool
	}
	return cfg
}
