package root

import (
	"crypto/x509"
	"fmt"
	"os"

	"github.com/signed-metaserver/metaserver/root/certificate"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
)

// openCertificates opens the certificates of a listener.
func openCertificates(t *config.TLS, c *config.Config) (certificate.Source, error) {
	if len(t.ACMENames) == 0 {
		return certificate.NewFiles(t.CertificateFile, t.KeyFile, c.Now, c.Log)
	}
	authorities, err := readAuthorities(t.ACMECAFile)
	if err != nil {
		return nil, err
	}
	return certificate.NewACME(certificate.ACMEConfig{
		Names: t.ACMENames, Email: t.ACMEEmail, Directory: t.ACMEDirectory, Authorities: authorities,
		Cache: datafolder.Folder(c.Data).ACME(), Now: c.Now, Log: c.Log,
	}), nil
}

// readAuthorities reads who vouches for the TLS of an authority; nil: the system's
// authorities do.
func readAuthorities(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("acme_ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("acme_ca_file: %s holds no certificate in PEM form", path)
	}
	return pool, nil
}
