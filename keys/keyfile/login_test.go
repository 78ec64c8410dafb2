package keyfile_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/signed-metaserver/metaserver/keys/keyfile"
)

// TestLoadLoginKinds reads what ssh-keygen makes in every format and kind.
func TestLoadLoginKinds(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"ed25519":              {"-t", "ed25519", "-N", ""},
		"ed25519 encrypted":    {"-t", "ed25519", "-N", "correct horse"},
		"ECDSA":                {"-t", "ecdsa", "-N", ""},
		"RSA encrypted":        {"-t", "rsa", "-b", "2048", "-N", "correct horse"},
		"RSA in PKCS 1":        {"-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""},
		"RSA in PKCS 1, old":   {"-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "correct horse"},
		"ECDSA in its own PEM": {"-t", "ecdsa", "-m", "PEM", "-N", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "k")
			run(t, append([]string{"-q", "-f", path}, args...)...)
			signer, err := keyfile.LoadLogin(path, func() ([]byte, error) { return []byte("correct horse"), nil })
			if err != nil {
				t.Fatal(err)
			}
			line, err := os.ReadFile(path + keyfile.PublicSuffix)
			if err != nil {
				t.Fatal(err)
			}
			want, _, _, _, err := ssh.ParseAuthorizedKey(line)
			if err != nil {
				t.Fatal(err)
			}
			if got := signer.PublicKey(); string(got.Marshal()) != string(want.Marshal()) {
				t.Errorf("read %s, want %s", ssh.FingerprintSHA256(got), ssh.FingerprintSHA256(want))
			}
		})
	}
}

func TestLoadLoginRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	encrypted := filepath.Join(dir, "encrypted")
	run(t, "-q", "-t", "ecdsa", "-N", "correct horse", "-f", encrypted)
	if _, err := keyfile.LoadLogin(encrypted, nil); !errors.Is(err, keyfile.ErrNeedsPassphrase) {
		t.Errorf("nobody to ask: %v", err)
	}
	_, err := keyfile.LoadLogin(encrypted, func() ([]byte, error) { return []byte("battery staple"), nil })
	if !errors.Is(err, keyfile.ErrPassphrase) || strings.Contains(err.Error(), "battery") {
		t.Errorf("wrong passphrase: %v", err)
	}
	pkcs8 := filepath.Join(dir, "pkcs8")
	block := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	if err := os.WriteFile(pkcs8, block, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keyfile.LoadLogin(pkcs8, nil); err == nil || !strings.Contains(err.Error(), "ssh-keygen -p") {
		t.Errorf("PKCS #8 with a passphrase: %v", err)
	}
	if err := os.Chmod(encrypted, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := keyfile.LoadLogin(encrypted, nil); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("open to others: %v", err)
	}
	if _, err := keyfile.LoadLogin(encrypted+keyfile.PublicSuffix, nil); err == nil {
		t.Error("a public key was taken")
	}
}

func TestLoadLoginPKCS8(t *testing.T) {
	t.Parallel()
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	modulus, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, private := range map[string]any{"ed25519": edwards, "ECDSA": curve, "RSA": modulus} {
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "k")
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keyfile.LoadLogin(path, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
