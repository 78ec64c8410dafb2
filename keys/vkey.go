package keys

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	algEd25519 = 1   // the algorithm byte of C2SP signed-note for ed25519
	maxKeyName = 128 // bytes
)

// A VerifierKey is a named ed25519 public key, written "name+hash+base64" as
// C2SP signed-note defines it. It is comparable; the zero value is no key.
type VerifierKey struct {
	name   string
	id     uint32
	public [ed25519.PublicKeySize]byte
}

// NewVerifierKey names a public key. The name is at most 128 bytes of UTF-8
// without spaces, control characters and "+".
func NewVerifierKey(name string, public ed25519.PublicKey) (VerifierKey, error) {
	if err := checkKeyName(name); err != nil {
		return VerifierKey{}, err
	}
	if len(public) != ed25519.PublicKeySize {
		return VerifierKey{}, fmt.Errorf("public key of %q has %d bytes; ed25519 keys have %d", name, len(public), ed25519.PublicKeySize)
	}
	k := VerifierKey{name: name}
	copy(k.public[:], public)
	k.id = keyID(name, k.public)
	return k, nil
}

// ParseVerifierKey reads "name+hash+base64". The hash is checked against the
// name and the key, so a key pasted under another name is refused.
func ParseVerifierKey(s string) (VerifierKey, error) {
	name, hash64, public, err := splitVerifierKey(s)
	if err != nil {
		return VerifierKey{}, err
	}
	if public[0] != algEd25519 {
		return VerifierKey{}, errUnknownAlgorithm
	}
	k, err := NewVerifierKey(name, public[1:])
	if err != nil {
		return VerifierKey{}, err
	}
	if k.id != hash64 {
		return VerifierKey{}, fmt.Errorf("key %q says hash %08x, its name and bytes give %08x: it was changed or renamed", name, hash64, k.id)
	}
	return k, nil
}

// errUnknownAlgorithm marks a well-formed key of an algorithm that this
// version does not know. Trust documents ignore such keys.
var errUnknownAlgorithm = fmt.Errorf("the key's algorithm is not ed25519")

// splitVerifierKey checks everything that does not depend on the algorithm.
func splitVerifierKey(s string) (name string, id uint32, public []byte, err error) {
	name, rest, _ := strings.Cut(s, "+")
	hash, b64, ok := strings.Cut(rest, "+")
	if !ok {
		return "", 0, nil, fmt.Errorf("%q is not a verifier key (name+hash+base64)", clip(s))
	}
	if err := checkKeyName(name); err != nil {
		return "", 0, nil, err
	}
	if len(hash) != 8 || strings.ToLower(hash) != hash {
		return "", 0, nil, fmt.Errorf("hash %q of key %q is not 8 lower-case hex digits", clip(hash), name)
	}
	n, err := strconv.ParseUint(hash, 16, 32)
	if err != nil {
		return "", 0, nil, fmt.Errorf("hash %q of key %q is not 8 lower-case hex digits", clip(hash), name)
	}
	public, err = decodeBase64(b64)
	if err != nil || len(public) == 0 {
		return "", 0, nil, fmt.Errorf("key %q is not padded base64", name)
	}
	return name, uint32(n), public, nil
}

// Name returns the key's name.
func (k VerifierKey) Name() string { return k.name }

// ID returns the first four bytes of SHA-256 over the name, LF, the algorithm
// byte and the public key. It is a hint for finding a key, not an identity.
func (k VerifierKey) ID() uint32 { return k.id }

// Public returns a copy of the public key: the identity that thresholds count.
func (k VerifierKey) Public() ed25519.PublicKey {
	return append(ed25519.PublicKey(nil), k.public[:]...)
}

// String returns "name+hash+base64".
func (k VerifierKey) String() string {
	if k.name == "" {
		return ""
	}
	return fmt.Sprintf("%s+%08x+%s", k.name, k.id,
		base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, k.public[:]...)))
}

func keyID(name string, public [ed25519.PublicKeySize]byte) uint32 {
	h := sha256.New()
	h.Write([]byte(name))
	h.Write([]byte{'\n', algEd25519})
	h.Write(public[:])
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func checkKeyName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a key needs a name")
	case len(name) > maxKeyName:
		return fmt.Errorf("key name %q... is longer than %d bytes", clip(name), maxKeyName)
	case !utf8.ValidString(name):
		return fmt.Errorf("key name %q is not UTF-8", clip(name))
	}
	for _, r := range name {
		if within(notInNames, r) || IsInvisible(r) {
			return fmt.Errorf("key name %q contains %U; spaces, invisible and control characters and \"+\" are not allowed", clip(name), r)
		}
	}
	return nil
}

// decodeBase64 takes padded base64 with zero spare bits and no line breaks,
// so that every value has exactly one spelling.
func decodeBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // encoding/base64 skips them even when strict
		return nil, fmt.Errorf("line break in base64")
	}
	return base64.StdEncoding.Strict().DecodeString(s)
}

// clip shortens hostile text before it is quoted in an error.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most]
	}
	return s
}
