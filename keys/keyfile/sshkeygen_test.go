package keyfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
)

// run runs the real ssh-keygen and returns what it prints.
func run(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := testenv.Command(t, "ssh-keygen", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ssh-keygen %q: %v: %s", args, err, stderr.Bytes())
	}
	return out
}

var passphrases = map[string]string{"plain": "", "encrypted": "correct horse"}

func TestSSHKeygenReadsOurs(t *testing.T) {
	t.Parallel()
	for name, passphrase := range passphrases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "k")
			signer, err := keyfile.Create(path, keyName, []byte(passphrase))
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(path + keyfile.PublicSuffix)
			if err != nil {
				t.Fatal(err)
			}
			got := run(t, "-y", "-P", passphrase, "-f", path)
			if !bytes.Equal(got, want) {
				t.Errorf("ssh-keygen reads\n%s, our public file says\n%s", got, want)
			}
			line := run(t, "-l", "-f", path+keyfile.PublicSuffix)
			if fingerprint := keyfile.Fingerprint(signer.VerifierKey()); !bytes.Contains(line, []byte(" "+fingerprint+" ")) {
				t.Errorf("ssh-keygen -l says %s, we say %s", line, fingerprint)
			}
		})
	}
}

func TestSSHKeygenRefusesWrongPassphrase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "k")
	if _, err := keyfile.Create(path, keyName, []byte("correct horse")); err != nil {
		t.Fatal(err)
	}
	if out, err := testenv.Command(t, "ssh-keygen", "-y", "-P", "wrong", "-f", path).CombinedOutput(); err == nil {
		t.Errorf("ssh-keygen opened our encrypted file with a wrong passphrase: %s", out)
	}
}

func TestWeReadSSHKeygens(t *testing.T) {
	t.Parallel()
	for name, passphrase := range passphrases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "k")
			run(t, "-q", "-t", "ed25519", "-N", passphrase, "-C", keyName, "-f", path)
			signer, err := keyfile.Load(path, keyName, func() ([]byte, error) { return []byte(passphrase), nil })
			if err != nil {
				t.Fatal(err)
			}
			public, err := keyfile.LoadPublic(path + keyfile.PublicSuffix)
			if err != nil {
				t.Fatal(err)
			}
			if public != signer.VerifierKey() {
				t.Errorf("private file: %v, public file: %v", signer.VerifierKey(), public)
			}
		})
	}
}
