package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// TLS says where a listener has its certificate from: files, or an authority.
type TLS struct {
	CertificateFile string // PEM: the certificate, and after it those of intermediate authorities
	KeyFile         string // PEM

	ACMENames       []string // host names of which an authority is asked for certificates; empty: files
	ACMEAcceptTerms bool     // the operator accepts the authority's terms of service
	ACMEEmail       string   // for messages of the authority; "": none
	ACMEDirectory   string   // URL; "": certificate.LetsEncrypt
	ACMECAFile      string   // PEM: vouches for the directory's own TLS; "": the system's authorities do

	ListenHTTP string // host:port of plain http beside it, for documents; "": none
}

// tlsSection is [tls] of root.toml.
type tlsSection struct {
	CertificateFile string   `toml:"certificate_file"`
	KeyFile         string   `toml:"key_file"`
	ACMENames       []string `toml:"acme_names"`
	ACMEAcceptTerms bool     `toml:"acme_accept_terms"`
	ACMEEmail       string   `toml:"acme_email"`
	ACMEDirectory   string   `toml:"acme_directory"`
	ACMECAFile      string   `toml:"acme_ca_file"`
	ListenHTTP      string   `toml:"listen_http"`
}

// read returns nil if the section asks for no TLS. Paths are relative to dir.
func (s *tlsSection) read(dir string) *TLS {
	if s.CertificateFile == "" && s.KeyFile == "" && len(s.ACMENames) == 0 && s.ListenHTTP == "" {
		return nil
	}
	return &TLS{
		CertificateFile: secretFile(dir, s.CertificateFile), KeyFile: secretFile(dir, s.KeyFile),
		ACMENames: s.ACMENames, ACMEAcceptTerms: s.ACMEAcceptTerms, ACMEEmail: s.ACMEEmail,
		ACMEDirectory: s.ACMEDirectory, ACMECAFile: secretFile(dir, s.ACMECAFile),
		ListenHTTP: s.ListenHTTP,
	}
}

// adminTLSSection is [admin_tls] of root.toml.
type adminTLSSection struct {
	CertificateFile string `toml:"certificate_file"`
	KeyFile         string `toml:"key_file"`
}

func (s *adminTLSSection) read(dir string) *TLS {
	return (&tlsSection{CertificateFile: s.CertificateFile, KeyFile: s.KeyFile}).read(dir)
}

// credentials begins the path of a file that systemd hands to a service.
const credentials = "$CREDENTIALS_DIRECTORY/"

// secretFile makes a path of the configuration absolute or relative to dir. A
// credential outside of a service stays as it is, so that the error of reading it
// shows what is missing.
func secretFile(dir, path string) string {
	if rest, ok := strings.CutPrefix(path, credentials); ok {
		if given := os.Getenv("CREDENTIALS_DIRECTORY"); given != "" {
			return filepath.Join(given, rest)
		}
		return path
	}
	if path == "" {
		return ""
	}
	return inFolder(dir, path)
}

func checkListen(address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("%q is not an address to listen at; write host:port, as 127.0.0.1:7480 or [::]:80", address)
	}
	return nil
}

// checkTLS looks at the settings alone, not at the files.
func (c *Config) checkTLS() error {
	if t := c.AdminTLS; t != nil {
		if err := t.checkFiles(); err != nil {
			return fmt.Errorf("[admin_tls]: %w", err)
		}
	}
	if c.TLS == nil {
		return nil
	}
	if err := c.TLS.check(); err != nil {
		return fmt.Errorf("[tls]: %w", err)
	}
	if c.Listen == ListenNone {
		return errors.New("[tls]: there is no public listener (listen = \"none\"): remove the table")
	}
	return nil
}

func (t *TLS) check() error {
	switch {
	case len(t.ACMENames) == 0:
		if err := t.checkFiles(); err != nil {
			return err
		}
	case t.CertificateFile != "" || t.KeyFile != "":
		return errors.New("acme_names and certificate_file are both there: remove one")
	case !t.ACMEAcceptTerms:
		return errors.New("acme_names needs acme_accept_terms = true: read the authority's terms of service and say so")
	}
	for _, name := range t.ACMENames {
		if strings.Contains(name, "*") || !strings.Contains(strings.Trim(name, "."), ".") || net.ParseIP(name) != nil {
			return fmt.Errorf("acme_names: %q is not the whole name of a host, as ms.example.org", name)
		}
	}
	if t.ListenHTTP == "" {
		return nil
	}
	return checkListen(t.ListenHTTP)
}

func (t *TLS) checkFiles() error {
	if t.CertificateFile == "" || t.KeyFile == "" {
		return errors.New("certificate_file and key_file belong together: give both")
	}
	return nil
}
