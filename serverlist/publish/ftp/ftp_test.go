package ftp_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/ftp"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
)

// A program is a real FTP server.
type program struct {
	name  string
	start func(testing.TB, testenv.FTPOptions) *testenv.FTPServer
}

var programs = []program{{"vsftpd", testenv.VSFTPD}, {"proftpd", testenv.ProFTPD}, {"pure-ftpd", testenv.PureFTPd}}

// A host is a running server and how to reach it.
type host struct {
	*testenv.FTPServer
	security ftp.Security
	roots    *x509.CertPool
	folders  atomic.Int64
}

func (p program) plain(t testing.TB, o testenv.FTPOptions) *host {
	return &host{FTPServer: p.start(t, o), security: ftp.NoTLS}
}

// withTLS starts a server with a certificate for 127.0.0.1.
func (p program) withTLS(t testing.TB, o testenv.FTPOptions) *host {
	a := newAuthority(t)
	o.Cert, o.Key = a.issue(t, "127.0.0.1", time.Now().Add(time.Hour))
	return &host{FTPServer: p.start(t, o), security: ftp.ExplicitTLS, roots: a.pool}
}

// target returns the account's login folder.
func (h *host) target() *ftp.Target {
	return &ftp.Target{Address: h.Address, User: h.User, Password: func() (string, error) { return h.Password, nil }, TLS: h.security, RootCAs: h.roots}
}

// newFolder returns a folder that is not there yet.
func (h *host) newFolder(t *testing.T, dial publishtest.DialFunc) (faulty, clean publish.Target) {
	folder := fmt.Sprintf("web %d/ms", h.folders.Add(1))
	f, c := h.target(), h.target()
	f.Folder, c.Folder, f.Dial = folder, folder, dial
	return f, c
}

// onEach runs a test on every server, plain and with TLS.
func onEach(t *testing.T, o testenv.FTPOptions, test func(t *testing.T, h *host)) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			test(t, p.plain(t, o))
		})
		t.Run(p.name+" with TLS", func(t *testing.T) {
			t.Parallel()
			test(t, p.withTLS(t, o))
		})
	}
}

// onSome runs a test that takes long and depends little on the connection on
// vsftpd and proftpd with TLS. A sweep runs it on each server, plain and with
// TLS: pure-ftpd sleeps longer with every folder that is not there, and takes
// seconds for a TLS connection.
func onSome(t *testing.T, test func(t *testing.T, h *host)) {
	if publishtest.Sweep() {
		onEach(t, testenv.FTPOptions{}, test)
		return
	}
	for _, p := range programs[:2] {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			test(t, p.withTLS(t, testenv.FTPOptions{}))
		})
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	onSome(t, func(t *testing.T, h *host) {
		publishtest.Contract(t, func(t *testing.T) publish.Target {
			_, clean := h.newFolder(t, nil)
			return clean
		})
	})
}

// TestLargeUpload: some servers keep a part of a file that came over TLS.
func TestLargeUpload(t *testing.T) {
	t.Parallel()
	onEach(t, testenv.FTPOptions{}, func(t *testing.T, h *host) {
		s, err := h.target().Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		data := bytes.Repeat([]byte("0123456789abcde\n"), 4<<20/16)
		if err := s.Write(t.Context(), publish.ServerList, data); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(h.Folder, publish.ServerList)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("the host holds %d bytes, %v", len(got), err)
		}
	})
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	onSome(t, func(t *testing.T, h *host) {
		publishtest.Interrupted(t, publishtest.AllowNothing, h.newFolder)
	})
}

func TestSilenced(t *testing.T) {
	t.Parallel()
	onSome(t, func(t *testing.T, h *host) {
		publishtest.Silenced(t, publishtest.AllowNothing, h.newFolder, func(faulty publish.Target) publish.Target {
			target := *faulty.(*ftp.Target)
			target.ConnectTimeout, target.IdleTimeout = time.Second, time.Second
			return &target
		})
	})
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	onSome(t, func(t *testing.T, h *host) {
		publishtest.Cancelled(t, publishtest.AllowNothing, h.newFolder)
	})
}

// An authority signs certificates of hosts.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert: cert, key: key, pool: x509.NewCertPool()}
	a.pool.AddCert(cert)
	return a
}

// issue returns certificate and key for a name or address, as PEM.
func (a *authority) issue(t testing.TB, name string, until time.Time) (certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}
