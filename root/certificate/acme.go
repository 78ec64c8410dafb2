package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// LetsEncrypt is the directory of the authority that is asked by default.
const LetsEncrypt = autocert.DefaultACMEDirectory

// ACMEConfig says whom to ask for what. Names, Cache, Now and Log are required.
type ACMEConfig struct {
	Names       []string       // host names of the certificate, one each
	Email       string         // for messages of the authority; "": none
	Directory   string         // URL; "": LetsEncrypt
	Authorities *x509.CertPool // that vouch for the directory's own certificate; nil: those of the system
	Cache       string         // folder for account and certificates, made with mode 0700
	RetryFirst  time.Duration  // pause after a failure, doubled with each further one; 0: 5 min
	RetryMost   time.Duration  // the longest such pause; 0: 6 h
	Now         func() time.Time
	Log         *slog.Logger
}

// ACME is a [Source] that gets its certificates from an authority and renews
// them. The authority proves that the names lead here in one of two ways: it
// opens a TLS connection to port 443 (tls-alpn-01), or asks by plain http at port
// 80 (http-01), which needs a listener with Challenges.
//
// The library asks the authority whenever a client comes for whose name there is
// no certificate. An authority bears few failures an hour, and clients come every
// second; so clients are let through to the library only for names that have one,
// and Run alone asks for the first.
type ACME struct {
	cfg     ACMEConfig
	manager *autocert.Manager
	again   chan struct{} // holds one element when Reload wants a try at once

	mu      sync.Mutex
	expires map[string]time.Time // of names that have a certificate
}

// NewACME asks nobody yet.
func NewACME(cfg ACMEConfig) *ACME {
	if cfg.Directory == "" {
		cfg.Directory = LetsEncrypt
	}
	if cfg.RetryFirst <= 0 {
		cfg.RetryFirst = 5 * time.Minute
	}
	if cfg.RetryMost <= 0 {
		cfg.RetryMost = 6 * time.Hour
	}
	client := &acme.Client{DirectoryURL: cfg.Directory, UserAgent: "metaserver"}
	if cfg.Authorities != nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: cfg.Authorities, MinVersion: tls.VersionTLS12}
		client.HTTPClient = &http.Client{Transport: transport}
	}
	return &ACME{
		cfg: cfg,
		manager: &autocert.Manager{
			Prompt:     autocert.AcceptTOS, // the configuration says so
			Cache:      autocert.DirCache(cfg.Cache),
			HostPolicy: onlyNames(cfg.Names),
			Email:      cfg.Email,
			Client:     client,
		},
		again:   make(chan struct{}, 1),
		expires: make(map[string]time.Time),
	}
}

// onlyNames takes these names, with or without a port, as in a Host header.
func onlyNames(names []string) autocert.HostPolicy {
	listed := autocert.HostWhitelist(names...)
	return func(ctx context.Context, host string) error {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		return listed(ctx, host)
	}
}

// Challenges answers what the authority asks by plain http and passes everything
// else on. It must be called before Run, which otherwise offers no http-01.
func (a *ACME) Challenges(next http.Handler) http.Handler { return a.manager.HTTPHandler(next) }

// TLS implements [Source].
func (a *ACME) TLS() *tls.Config { return base(a.certificate, acme.ALPNProto) }

// certificate finds the certificate for a client. One that names no host gets
// that of the first.
func (a *ACME) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if isAuthority(hello) {
		return a.manager.GetCertificate(hello)
	}
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if name == "" {
		name = a.cfg.Names[0]
	}
	a.mu.Lock()
	_, has := a.expires[name]
	a.mu.Unlock()
	if !has {
		return nil, fmt.Errorf("there is no certificate for %q", name)
	}
	cert, err := a.manager.GetCertificate(modern(name))
	if err == nil {
		a.note(name, cert)
	}
	return cert, err
}

// isAuthority tells whether the authority has come to prove a name: it offers this
// protocol and no other. A client that offers more is a client to the library.
func isAuthority(hello *tls.ClientHelloInfo) bool {
	return slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto})
}

func (a *ACME) note(name string, cert *tls.Certificate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expires[name] = cert.Leaf.NotAfter
}

// Expiry implements [Source].
func (a *ACME) Expiry() (first time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range a.cfg.Names {
		switch at := a.expires[name]; {
		case at.IsZero():
			return time.Time{}
		case first.IsZero() || at.Before(first):
			first = at
		}
	}
	return first
}

// Reload implements [Source]: names without a certificate are asked for at once.
func (a *ACME) Reload() error {
	select {
	case a.again <- struct{}{}:
	default:
	}
	return nil
}

// Run implements [Source]. Renewal is the library's: it begins 30 days before the
// end, or when a third of the time is left if that is later.
func (a *ACME) Run(ctx context.Context) error {
	pause := a.cfg.RetryFirst
	for {
		wait := lookEvery * 60
		if err := a.obtain(ctx); err != nil && ctx.Err() == nil {
			a.cfg.Log.Error("there is no TLS certificate yet; plain http is served meanwhile, and it is tried again", "in", pause, "err", err)
			wait, pause = pause, min(2*pause, a.cfg.RetryMost)
		} else {
			pause = a.cfg.RetryFirst
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-a.again:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// obtain sees to it that every name has a certificate: from the folder, or from
// the authority.
func (a *ACME) obtain(ctx context.Context) error {
	var all []error
	for _, name := range a.cfg.Names {
		before := a.Expiry()
		cert, err := a.ask(ctx, name)
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", name, err))
			continue
		}
		a.note(name, cert)
		if now := a.Expiry(); !now.Equal(before) && !now.IsZero() {
			a.cfg.Log.Info("there is a TLS certificate", "name", name, "expires", cert.Leaf.NotAfter)
		}
		if Expiring(cert.Leaf.NotBefore, cert.Leaf.NotAfter, a.cfg.Now()) {
			a.cfg.Log.Warn("the TLS certificate expires soon and could not be renewed: does the authority reach this machine at port 443 or 80?", "name", name, "expires", cert.Leaf.NotAfter)
		}
	}
	return errors.Join(all...)
}

// modern is how a client asks that knows ECDSA, as all do that know TLS 1.2. The
// library would get a second certificate, with an RSA key, for whoever claims not
// to.
func modern(name string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName:   name,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	}
}

// ask asks the library, which does not end when ctx does; nobody waits for it
// then.
func (a *ACME) ask(ctx context.Context, name string) (*tls.Certificate, error) {
	type answer struct {
		cert *tls.Certificate
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		cert, err := a.manager.GetCertificate(modern(name))
		answers <- answer{cert, err}
	}()
	select {
	case got := <-answers:
		return got.cert, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
