// Package keyfile keeps ed25519 private keys on disk, in the format of
// OpenSSH: ssh-keygen reads what [Create] writes, and [Load] reads what
// ssh-keygen writes.
//
// A key is two files: the private key at its path, readable by its owner only
// (on Windows: by whoever may read its folder), and the public key beside it with
// ".pub" appended, one line whose comment is the key's name in trust documents.
// With a passphrase the private key is encrypted (AES-256-CTR, key derived by
// bcrypt).
//
// No error of this package contains a byte of a private key or a passphrase.
package keyfile

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/signed-metaserver/metaserver/keys"
)

// PublicSuffix is appended to the path of a private key to name the file of
// its public half.
const PublicSuffix = ".pub"

// Create makes a new private key, writes it to path with mode 0600 and its
// public half to path+".pub", and returns its signer. Neither file may exist:
// no key is ever overwritten. name is the key's name in trust documents and
// the comment in both files. An empty passphrase leaves the private key
// unencrypted. Both files are durable when Create returns; with an error
// neither is left behind.
func Create(path, name string, passphrase []byte) (*keys.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making key %q: %w", name, err)
	}
	signer, err := keys.NewSigner(name, private)
	if err != nil {
		return nil, err
	}
	text, err := marshalPrivate(private, name, passphrase)
	if err != nil {
		return nil, fmt.Errorf("making key %q: %w", name, err)
	}
	public, err := marshalPublic(signer.VerifierKey())
	if err != nil {
		return nil, fmt.Errorf("making key %q: %w", name, err)
	}
	if err := writePair(path, text, public); err != nil {
		return nil, err
	}
	return signer, nil
}

// Fingerprint returns "SHA256:" and the base64 of a hash of the public key, as
// ssh-keygen -l and ssh-add -l print it: what people compare to be sure that they
// mean the same key. The key's name is not in it.
func Fingerprint(key keys.VerifierKey) string {
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil { // never of an ed25519 key
		return err.Error()
	}
	return ssh.FingerprintSHA256(public)
}

func marshalPrivate(private ed25519.PrivateKey, name string, passphrase []byte) ([]byte, error) {
	var block *pem.Block
	var err error
	if len(passphrase) == 0 {
		block, err = ssh.MarshalPrivateKey(private, name)
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, name, passphrase)
	}
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(block), nil
}

// marshalPublic returns "ssh-ed25519 BASE64 NAME" and a line feed.
func marshalPublic(key keys.VerifierKey) ([]byte, error) {
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	line := strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(public)), "\n")
	return []byte(line + " " + key.Name() + "\n"), nil
}

// writePair writes both files and makes them and their names durable.
func writePair(path string, private, public []byte) (err error) {
	if err := writeNew(path, private, 0o600); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(path)
		}
	}()
	if err := writeNew(path+PublicSuffix, public, 0o644); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		os.Remove(path + PublicSuffix)
		return fmt.Errorf("making %s durable: %w", path, err)
	}
	return nil
}

// writeNew writes and syncs a file that must not exist yet. With an error it
// leaves nothing of its own behind.
func writeNew(path string, data []byte, perm fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w, and keys are never overwritten: choose another path, or move the file away if you are sure", path, fs.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("writing a key file: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(path)
		return fmt.Errorf("writing a key file: %w", err)
	}
	return nil
}
