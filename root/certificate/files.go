package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// lookEvery is how often files are looked at, by date and size.
const lookEvery = time.Minute

// Files is a [Source] that reads a certificate and its key from files in PEM
// form: the certificate first, those of intermediate authorities after it.
type Files struct {
	cert, key string
	now       func() time.Time
	log       *slog.Logger
	pair      atomic.Pointer[tls.Certificate]
	seen      atomic.Value // signature of the files that were read last, well or not
	warned    atomic.Int64 // Unix time until which nobody is warned of the end
}

// NewFiles reads the files. Now and log must not be nil.
func NewFiles(cert, key string, now func() time.Time, log *slog.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, now: now, log: log}
	if err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// TLS implements [Source].
func (f *Files) TLS() *tls.Config {
	return base(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.pair.Load(), nil })
}

// Expiry implements [Source].
func (f *Files) Expiry() time.Time { return f.pair.Load().Leaf.NotAfter }

// Reload implements [Source].
func (f *Files) Reload() error {
	f.seen.Store(f.signature())
	pair, err := Load(f.cert, f.key)
	if err != nil {
		return err
	}
	if now := f.now(); now.After(pair.Leaf.NotAfter) {
		f.log.Error("the TLS certificate has expired; clients refuse it", "file", f.cert, "expired", pair.Leaf.NotAfter)
	}
	f.pair.Store(pair)
	return nil
}

// Run implements [Source].
func (f *Files) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		f.look()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look reads files that have changed. Certificate and key may be replaced one
// after the other; until they fit the last pair is served.
func (f *Files) look() {
	if f.seen.Load() != f.signature() {
		if err := f.Reload(); err != nil {
			f.log.Error("the TLS certificate has changed and cannot be used; the last one stays in use", "err", err)
		} else {
			f.log.Info("the TLS certificate has been read again", "file", f.cert, "expires", f.Expiry())
		}
	}
	f.warn()
}

// warn tells once a day of a certificate that should have been renewed.
func (f *Files) warn() {
	leaf, now := f.pair.Load().Leaf, f.now()
	if !Expiring(leaf.NotBefore, leaf.NotAfter, now) || now.Unix() < f.warned.Load() {
		return
	}
	f.warned.Store(now.Add(24 * time.Hour).Unix())
	f.log.Warn("the TLS certificate expires soon: renew it; it is read again when the files change", "file", f.cert, "expires", leaf.NotAfter)
}

// signature changes when one of the files does.
func (f *Files) signature() string {
	var b strings.Builder
	for _, name := range []string{f.cert, f.key} {
		if info, err := os.Stat(name); err != nil {
			fmt.Fprintln(&b, "absent")
		} else {
			fmt.Fprintln(&b, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// Load reads a certificate and its key. Errors say which file is wrong.
func Load(cert, key string) (*tls.Certificate, error) {
	certPEM, err := os.ReadFile(cert)
	if err != nil {
		return nil, fmt.Errorf("the TLS certificate cannot be read: %w", err)
	}
	keyPEM, err := os.ReadFile(key)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("the key of the TLS certificate cannot be read: %w: let the user that runs the root read it, or let systemd hand it over (LoadCredential=)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of the TLS certificate cannot be read: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("the TLS certificate %s and the key %s cannot be used: %w", cert, key, err)
	}
	return &pair, nil
}
