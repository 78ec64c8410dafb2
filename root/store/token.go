package store

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// A Token is a secret of 32 random bytes: of an admin, or of the requester who
// may see a status. The store keeps its hash only. Printing a Token does not
// show it; [Token.Reveal] does.
type Token struct {
	secret [32]byte
}

// TokenHash is the SHA-256 of a token. The token is random, so the hash needs
// no salt and no slow function.
type TokenHash [sha256.Size]byte

// NewToken returns a new random token.
func NewToken() Token {
	var t Token
	rand.Read(t.secret[:]) // never fails: the program ends if there is no randomness
	return t
}

// ParseToken reads what [Token.Reveal] wrote. Its error does not repeat the
// text.
func ParseToken(s string) (Token, error) {
	var t Token
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(t.secret) || len(s) != base64.RawURLEncoding.EncodedLen(len(b)) {
		return Token{}, errors.New("this is not a token: a token is 43 letters, digits, \"-\" and \"_\"")
	}
	copy(t.secret[:], b)
	return t, nil
}

// Reveal returns the token in letters, digits, "-" and "_": 43 characters.
func (t Token) Reveal() string { return base64.RawURLEncoding.EncodeToString(t.secret[:]) }

// Hash returns what is stored of the token.
func (t Token) Hash() TokenHash { return sha256.Sum256(t.secret[:]) }

// Format hides the token from every verb of package fmt, so that it cannot end
// up in a log by accident.
func (t Token) Format(f fmt.State, _ rune) { io.WriteString(f, "[token]") }

// equal compares in constant time.
func (h TokenHash) equal(other []byte) bool { return subtle.ConstantTimeCompare(h[:], other) == 1 }
