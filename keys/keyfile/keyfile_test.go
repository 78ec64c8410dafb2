package keyfile_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
)

const keyName = "ms.example.org/list/fra-2027"

// say returns a passphrase function that must be called exactly want times.
func say(t *testing.T, passphrase string, want int) func() ([]byte, error) {
	calls := 0
	t.Cleanup(func() {
		if calls != want {
			t.Errorf("the passphrase was asked for %d times, want %d", calls, want)
		}
	})
	return func() ([]byte, error) { calls++; return []byte(passphrase), nil }
}

func TestCreateLoad(t *testing.T) {
	t.Parallel()
	for name, passphrase := range map[string]string{"plain": "", "encrypted": "correct horse"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "list.key")
			created, err := keyfile.Create(path, keyName, []byte(passphrase))
			if err != nil {
				t.Fatal(err)
			}
			checkModes(t, path)
			asked := 0
			if passphrase != "" {
				asked = 1
			}
			loaded, err := keyfile.Load(path, keyName, say(t, passphrase, asked))
			if err != nil {
				t.Fatal(err)
			}
			if loaded.VerifierKey() != created.VerifierKey() {
				t.Errorf("loaded %v, created %v", loaded.VerifierKey(), created.VerifierKey())
			}
			if _, err := keys.Sign([]byte("ms.example.org\ntype x\n"), loaded); err != nil {
				t.Error(err)
			}
			public, err := keyfile.LoadPublic(path + keyfile.PublicSuffix)
			if err != nil {
				t.Fatal(err)
			}
			if public != created.VerifierKey() {
				t.Errorf("public file says %v, want %v", public, created.VerifierKey())
			}
		})
	}
}

func checkModes(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("private key has mode %04o, want 0600", info.Mode().Perm())
	}
	content, err := os.ReadFile(path + keyfile.PublicSuffix)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(content, []byte("ssh-ed25519 ")) || !bytes.HasSuffix(content, []byte(" "+keyName+"\n")) || bytes.Count(content, []byte("\n")) != 1 {
		t.Errorf("public key file is %q", content)
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	t.Parallel()
	for _, existing := range []string{"k", "k.pub"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, existing), []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := keyfile.Create(filepath.Join(dir, "k"), keyName, nil)
		if !errors.Is(err, fs.ErrExist) {
			t.Errorf("with %s there: %v, want fs.ErrExist", existing, err)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		content, _ := os.ReadFile(filepath.Join(dir, existing))
		if len(files) != 1 || string(content) != "precious" {
			t.Errorf("with %s there: the folder holds %q, and it %q", existing, files, content)
		}
	}
}

func TestCreateRefusesNames(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "k")
	for _, name := range []string{"", "two words", "line\nfeed", "a+b"} {
		if _, err := keyfile.Create(path, name, nil); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a refused name left a file")
	}
}

func TestWrongPassphrase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "k")
	if _, err := keyfile.Create(path, keyName, []byte("correct horse")); err != nil {
		t.Fatal(err)
	}
	_, err := keyfile.Load(path, keyName, say(t, "battery staple", 1))
	if !errors.Is(err, keyfile.ErrPassphrase) {
		t.Errorf("wrong passphrase: %v", err)
	}
	if strings.Contains(err.Error(), "battery") {
		t.Errorf("the error repeats the passphrase: %v", err)
	}
	if _, err := keyfile.Load(path, keyName, say(t, "", 1)); !errors.Is(err, keyfile.ErrNeedsPassphrase) {
		t.Errorf("empty passphrase: %v", err)
	}
	if _, err := keyfile.Load(path, keyName, nil); !errors.Is(err, keyfile.ErrNeedsPassphrase) {
		t.Errorf("nobody to ask: %v", err)
	}
	cause := errors.New("no terminal")
	if _, err := keyfile.Load(path, keyName, func() ([]byte, error) { return nil, cause }); !errors.Is(err, cause) {
		t.Errorf("failing to ask: %v", err)
	}
}

func TestLoadRefusesOpenModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing on Windows")
	}
	path := filepath.Join(t.TempDir(), "k")
	if _, err := keyfile.Create(path, keyName, nil); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o601, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := keyfile.Load(path, keyName, nil)
		if err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := keyfile.Load(path, keyName, nil); err != nil {
		t.Errorf("mode 0400: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plain := opensshPEM(t, private)
	tests := map[string]struct {
		content []byte
		want    string
	}{
		"empty":             {nil, "cut off"},
		"text":              {[]byte("hello\n"), "not a private key"},
		"public key":        {[]byte("ssh-ed25519 AAAA x\n"), "without .pub"},
		"cut off":           {plain[:len(plain)/2], "cut off"},
		"too large":         {bytes.Repeat([]byte("x"), 65<<10), "larger than"},
		"ECDSA":             {opensshPEM(t, otherKey(t)), "not ed25519"},
		"PKCS #8":           {pkcs8PEM(t, private), "OPENSSH PRIVATE KEY"},
		"halves of two":     {opensshPEM(t, mixedHalves(t, private)), "do not belong together"},
		"encrypted ECDSA":   {encryptedPEM(t, otherKey(t)), "not ed25519"},
		"garbage in PEM":    {pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte("x")}), "key file"},
		"flipped in base64": {bytes.Replace(plain, []byte("b3Bl"), []byte("b3Bm"), 1), "key file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "k")
			if err := os.WriteFile(path, test.content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := keyfile.Load(path, keyName, say(t, "x", 0))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want an error with %q and the path", err, test.want)
			}
		})
	}
}

func TestLoadMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := keyfile.Load(filepath.Join(dir, "none"), keyName, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := keyfile.LoadPublic(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing public file: %v", err)
	}
	if _, err := keyfile.Load(dir, keyName, nil); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("folder: %v", err)
	}
}

func TestLoadPublicRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "k")
	if _, err := keyfile.Create(path, keyName, nil); err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile(path + keyfile.PublicSuffix)
	if err != nil {
		t.Fatal(err)
	}
	private, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	otherPublic, err := ssh.NewPublicKey(otherKey(t).(*ecdsa.PrivateKey).Public())
	if err != nil {
		t.Fatal(err)
	}
	for want, content := range map[string][]byte{
		"more than one":     append(bytes.Clone(line), line...),
		"private key":       private,
		"not a public key":  []byte("hello\n"),
		"needs a name":      bytes.TrimSuffix(line, []byte(" "+keyName+"\n")),
		"security token":    []byte("sk-ssh-ed25519@openssh.com " + base64.StdEncoding.EncodeToString(tokenKey(t)) + " x\n"),
		"not ed25519":       append(bytes.TrimSpace(ssh.MarshalAuthorizedKey(otherPublic)), " x\n"...),
		"of OpenSSH (\"ssh": append([]byte(`command="rm" `), line...),
	} {
		file := filepath.Join(t.TempDir(), "p.pub")
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := keyfile.LoadPublic(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// tokenKey returns the public key of a security token, in OpenSSH's encoding.
func tokenKey(t *testing.T) []byte {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return ssh.Marshal(struct {
		Kind        string
		Key         []byte
		Application string
	}{"sk-ssh-ed25519@openssh.com", public, "ssh:"})
}

func opensshPEM(t *testing.T, private any) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(private, "comment")
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func encryptedPEM(t *testing.T, private any) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "comment", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func pkcs8PEM(t *testing.T, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func otherKey(t *testing.T) any {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// mixedHalves returns the seed of private with the public half of another key.
func mixedHalves(t *testing.T, private ed25519.PrivateKey) ed25519.PrivateKey {
	t.Helper()
	other, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(private.Seed()), other...)
}
