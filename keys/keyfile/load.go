package keyfile

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/crypto/ssh"

	"github.com/signed-metaserver/metaserver/keys"
)

// maxFile is the most that is read of a key file, in bytes. One of ed25519 has
// less than a thousand; the rest is room for a comment.
const maxFile = 64 << 10

const pemType = "OPENSSH PRIVATE KEY"

// Errors that callers may branch on.
var (
	// ErrPassphrase says that the passphrase does not open the file.
	ErrPassphrase = errors.New("wrong passphrase")
	// ErrNeedsPassphrase says that the file is encrypted and there was nobody
	// to ask for the passphrase.
	ErrNeedsPassphrase = errors.New("the key file is encrypted and no passphrase was given")
)

// Load reads the private key at path and returns a signer under the given key
// name; the comment in the file does not matter. passphrase is called only if
// the file is encrypted, at most once; it may be nil if there is nobody to ask.
//
// On Unix a file that others than its owner can read or write is refused.
func Load(path, name string, passphrase func() ([]byte, error)) (*keys.Signer, error) {
	data, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	private, err := parsePrivate(data, passphrase)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return keys.NewSigner(name, private)
}

// LoadPublic reads a public key in the one-line form of OpenSSH. Its comment is
// the key's name, as [Create] writes it; see [keys.NewVerifierKey] for what a
// name may be.
func LoadPublic(path string) (keys.VerifierKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return keys.VerifierKey{}, fmt.Errorf("reading a public key: %w (ssh-keygen -y -f KEYFILE prints the public key of a private one)", err)
	}
	defer f.Close()
	data, err := readLimited(f)
	if err != nil {
		return keys.VerifierKey{}, fmt.Errorf("public key %s: %w", path, err)
	}
	key, err := parsePublic(data)
	if err != nil {
		return keys.VerifierKey{}, fmt.Errorf("public key %s: %w", path, err)
	}
	return key, nil
}

// readPrivate returns the content of a file that only its owner can read.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no key file %s (%w): is the path right, and is the medium with the key mounted?", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat() // of what was opened, not of what the path names by now
	if err != nil {
		return nil, fmt.Errorf("reading a key file: %w", err)
	}
	if err := checkMode(path, info.Mode()); err != nil {
		return nil, err
	}
	data, err := readLimited(f)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return data, nil
}

func readLimited(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("larger than %d bytes: not a file with one key", maxFile)
	}
	return data, nil
}

// parsePrivate reads one ed25519 key. The errors of package ssh that pass
// through here name formats and never quote what they read.
func parsePrivate(data []byte, passphrase func() ([]byte, error)) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, explainNoPEM(data)
	}
	if block.Type != pemType {
		return nil, fmt.Errorf("its format is not that of OpenSSH (a block %q is expected): ssh-keygen -t ed25519 makes such a file", pemType)
	}
	raw, err := ssh.ParseRawPrivateKey(data)
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		raw, err = decrypt(data, missing.PublicKey, passphrase)
	}
	if err != nil {
		return nil, err
	}
	return checkPrivate(raw)
}

func explainNoPEM(data []byte) error {
	if bytes.HasPrefix(data, []byte("ssh-")) {
		return errors.New("this is a public key; the private key is the file without .pub")
	}
	return errors.New("this is not a private key: no PEM block in it; is it cut off?")
}

// decrypt asks for the passphrase, unless the file says in the clear that the
// key is of no use anyway.
func decrypt(data []byte, public ssh.PublicKey, passphrase func() ([]byte, error)) (any, error) {
	if public != nil && public.Type() != ssh.KeyAlgoED25519 {
		return nil, errKind
	}
	return unlock(data, passphrase)
}

// unlock asks for the passphrase and reads an encrypted key.
func unlock(data []byte, passphrase func() ([]byte, error)) (any, error) {
	if passphrase == nil {
		return nil, ErrNeedsPassphrase
	}
	secret, err := passphrase()
	if err != nil {
		return nil, fmt.Errorf("asking for the passphrase: %w", err)
	}
	if len(secret) == 0 {
		return nil, ErrNeedsPassphrase
	}
	raw, err := ssh.ParseRawPrivateKeyWithPassphrase(data, secret)
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, ErrPassphrase
	}
	return raw, err
}

var errKind = errors.New("its key is not ed25519, the only kind that can sign here: ssh-keygen -t ed25519 makes one")

var errToken = errors.New("its key lies on a security token (sk-ssh-ed25519), which signs more than the text, so nobody could verify it here: ssh-keygen -t ed25519 makes one that can sign")

// checkPrivate makes sure that the two halves belong together: signing with
// halves that do not would give the private one away.
func checkPrivate(raw any) (ed25519.PrivateKey, error) {
	private, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return nil, errKind
	}
	if len(*private) != ed25519.PrivateKeySize ||
		!bytes.Equal(ed25519.NewKeyFromSeed(private.Seed()), *private) {
		return nil, errors.New("its private and public halves do not belong together: the file is damaged")
	}
	return *private, nil
}

func parsePublic(data []byte) (keys.VerifierKey, error) {
	if bytes.Contains(data, []byte("PRIVATE KEY")) {
		return keys.VerifierKey{}, errors.New("this is a private key; the public key is in the file with .pub at its end")
	}
	public, name, options, rest, err := ssh.ParseAuthorizedKey(data)
	if err != nil || len(options) > 0 {
		return keys.VerifierKey{}, errors.New("this is not a public key of OpenSSH (\"ssh-ed25519 BASE64 NAME\")")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return keys.VerifierKey{}, errors.New("there is more than one line in it; one key is expected")
	}
	if public.Type() == ssh.KeyAlgoSKED25519 { // it has an ed25519 key inside, whose signatures are not of the text alone
		return keys.VerifierKey{}, errToken
	}
	crypto, ok := public.(ssh.CryptoPublicKey)
	if !ok {
		return keys.VerifierKey{}, errKind
	}
	key, ok := crypto.CryptoPublicKey().(ed25519.PublicKey)
	if !ok {
		return keys.VerifierKey{}, errKind
	}
	return keys.NewVerifierKey(name, key)
}
