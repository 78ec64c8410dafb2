package keyfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/keys/keyfile"
)

// FuzzLoad reads hostile files as private and as public keys. The passphrase
// is never given, since deriving a key from one takes a tenth of a second.
func FuzzLoad(f *testing.F) {
	dir := f.TempDir()
	for _, passphrase := range []string{"", "x"} {
		path := filepath.Join(dir, "k"+passphrase)
		if _, err := keyfile.Create(path, keyName, []byte(passphrase)); err != nil {
			f.Fatal(err)
		}
		for _, file := range []string{path, path + keyfile.PublicSuffix} {
			content, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(content)
			f.Add(content[:len(content)-20])
		}
	}
	f.Add([]byte("-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n"))
	nobody := errors.New("nobody to ask")
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(dir, "fuzz")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		signer, err := keyfile.Load(path, keyName, func() ([]byte, error) { return nil, nobody })
		if (signer == nil) == (err == nil) {
			t.Errorf("Load returned %v and %v", signer, err)
		}
		if key, err := keyfile.LoadPublic(path); (key.Name() == "") == (err == nil) {
			t.Errorf("LoadPublic returned %v and %v", key, err)
		}
	})
}
