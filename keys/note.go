package keys

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Sizes of the envelope, in bytes, and the number of signature lines. Readers
// refuse more; they never cut.
const (
	MaxHeadText       = 8 << 10  // the signed text of a list
	MaxTrustText      = 64 << 10 // the signed text of a trust document
	MaxSignatureBlock = 64 << 10 // all signature lines together
	MaxSignatures     = 16       // signature lines
)

const signaturePrefix = "— " // em dash, space

// A Signer makes signatures under a key name; [NewSigner] makes one. It is safe for
// concurrent use if the private key behind it is.
type Signer struct {
	key     VerifierKey
	private crypto.Signer
}

// NewSigner names a private key. The key may be an ed25519.PrivateKey or
// anything that signs plain ed25519, as a key that an agent holds.
func NewSigner(name string, private crypto.Signer) (*Signer, error) {
	public, ok := private.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("key %q is a %T; only ed25519 keys can sign", clip(name), private.Public())
	}
	key, err := NewVerifierKey(name, public)
	if err != nil {
		return nil, err
	}
	return &Signer{key, private}, nil
}

// VerifierKey returns the public half.
func (s *Signer) VerifierKey() VerifierKey { return s.key }

// Sign returns the signed note: text, a blank line, and one signature line of
// each signer in the order given. The text must be one that readers accept.
// Each signature is verified before it is returned, so that a faulty key or
// agent is found here and not by the readers.
func Sign(text []byte, signers ...*Signer) ([]byte, error) {
	if err := checkText(text, MaxTrustText); err != nil {
		return nil, err
	}
	if len(signers) == 0 || len(signers) > MaxSignatures {
		return nil, fmt.Errorf("%d signers; a note has 1 to %d", len(signers), MaxSignatures)
	}
	note := append(bytes.Clone(text), '\n')
	for _, s := range signers {
		sig, err := s.private.Sign(rand.Reader, text, crypto.Hash(0))
		if err != nil {
			return nil, fmt.Errorf("signing with %q: %w", s.key.name, err)
		}
		if !ed25519.Verify(s.key.public[:], text, sig) {
			return nil, fmt.Errorf("signing with %q: the signature does not verify; is the private key the one of this public key?", s.key.name)
		}
		raw := binary.BigEndian.AppendUint32(nil, s.key.id)
		raw = append(raw, sig...)
		note = fmt.Appendf(note, "%s%s %s\n", signaturePrefix, s.key.name, base64.StdEncoding.EncodeToString(raw))
	}
	return note, nil
}

// NormalizeLines turns CRLF into LF, as FTP in ASCII mode makes necessary, and
// refuses a CR that stands alone, and HTML that has one as HTML. It returns data
// itself if that has no CR.
func NormalizeLines(data []byte) ([]byte, error) {
	if bytes.IndexByte(data, '\r') < 0 {
		return data, nil
	}
	clean := bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	i := bytes.IndexByte(clean, '\r')
	switch {
	case i >= 0 && looksLikeHTML(clean): // whatever its line ends, it is not a document that was changed
		return nil, notANote(clean)
	case i >= 0:
		return nil, refuse(LayerEnvelope, "carriage-return", lineOf(clean, i),
			"a carriage return without a line feed: the document was changed on its way")
	}
	return clean, nil
}

// A signature is one line of the block, not yet verified.
type signature struct {
	name string
	id   uint32
	sig  []byte
}

// An envelope is a note taken apart; nothing in it is verified.
type envelope struct {
	text       []byte
	signatures []signature
}

// openEnvelope takes a note apart. It looks at sizes and shape only. The text
// is not interpreted.
func openEnvelope(note []byte, maxText int) (*envelope, error) {
	if looksLikeHTML(note) {
		return nil, notANote(note)
	}
	if i := bytes.IndexByte(note, '\r'); i >= 0 {
		return nil, refuse(LayerEnvelope, "carriage-return", lineOf(note, i), "the document contains a carriage return")
	}
	end := bytes.Index(note, []byte("\n\n"))
	if end < 0 && len(note) > maxText {
		return nil, refuse(LayerEnvelope, "too-large", 0, "the head is larger than %d bytes", maxText)
	}
	if end < 0 {
		return nil, notANote(note)
	}
	text, block := note[:end+1], note[end+2:]
	if err := checkText(text, maxText); err != nil {
		return nil, err
	}
	sigs, err := readSignatures(block, bytes.Count(text, []byte("\n"))+2)
	if err != nil {
		return nil, err
	}
	return &envelope{text, sigs}, nil
}

// notANote explains what is there instead of a note.
func notANote(data []byte) *Error {
	switch {
	case len(data) == 0:
		return refuse(LayerEnvelope, "not-a-note", 0, "the document is empty")
	case looksLikeHTML(data):
		return refuse(LayerEnvelope, "html", 0, "this is HTML, not a signed list: a captive portal or login page?")
	default:
		return refuse(LayerEnvelope, "not-a-note", 0, "no blank line ends the head: cut off, or not a signed document")
	}
}

// looksLikeHTML looks at the first character: no origin begins with "<". Some
// editors put a byte order mark before it.
func looksLikeHTML(data []byte) bool {
	begin := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\ufeff")), " \t\r\n")
	return bytes.HasPrefix(begin, []byte("<"))
}

func checkText(text []byte, maxText int) error {
	switch {
	case len(text) > maxText:
		return refuse(LayerEnvelope, "too-large", 0, "the head is larger than %d bytes", maxText)
	case len(text) == 0 || text[len(text)-1] != '\n':
		return refuse(LayerEnvelope, "not-a-note", 0, "the head does not end with a line feed")
	case bytes.HasPrefix(text, []byte("\n")) || bytes.Contains(text, []byte("\n\n")):
		return refuse(LayerEnvelope, "not-a-note", 1, "the head has a blank line")
	case !utf8.Valid(text):
		return refuse(LayerEnvelope, "bad-text", 0, "the head is not UTF-8")
	}
	for i, c := range text {
		if c < 0x20 && c != '\n' || c == 0x7f {
			return refuse(LayerEnvelope, "bad-text", lineOf(text, i), "the head contains the control character %#02x", c)
		}
	}
	return nil
}

// readSignatures reads the block of signature lines, the first of which is
// the given line of the document.
func readSignatures(block []byte, line int) ([]signature, error) {
	switch {
	case len(block) == 0 || block[0] == '\n':
		return nil, refuse(LayerEnvelope, "no-signature", line, "the document has no signature: cut off?")
	case len(block) > MaxSignatureBlock:
		return nil, refuse(LayerEnvelope, "too-large", line, "the signatures are larger than %d bytes", MaxSignatureBlock)
	case block[len(block)-1] != '\n':
		return nil, refuse(LayerEnvelope, "bad-signature-line", line, "the last signature line does not end with a line feed: cut off?")
	}
	lines := strings.Split(string(block[:len(block)-1]), "\n")
	if len(lines) > MaxSignatures {
		return nil, refuse(LayerEnvelope, "too-many-signatures", line, "%d signature lines; at most %d are allowed", len(lines), MaxSignatures)
	}
	sigs := make([]signature, 0, len(lines))
	for i, l := range lines {
		sig, err := readSignature(l, line+i)
		if err != nil {
			return nil, err
		}
		sigs = append(sigs, sig)
	}
	return sigs, nil
}

func readSignature(l string, line int) (signature, error) {
	bad := func(what string) (signature, error) {
		return signature{}, refuse(LayerEnvelope, "bad-signature-line", line, "%s", what)
	}
	rest, ok := strings.CutPrefix(l, signaturePrefix)
	if !ok {
		return bad(`not a signature line ("— name base64")`)
	}
	name, b64, _ := strings.Cut(rest, " ")
	if err := checkKeyName(name); err != nil {
		return bad(err.Error())
	}
	raw, err := decodeBase64(b64)
	if err != nil {
		return bad("the signature is not strict padded base64")
	}
	if len(raw) < 5 {
		return bad("the signature is too short")
	}
	return signature{name, binary.BigEndian.Uint32(raw), raw[4:]}, nil
}

// verify returns the known keys that signed the text. Every line by a known
// key must verify; lines by other keys do not matter.
func (e *envelope) verify(known []VerifierKey) ([]VerifierKey, error) {
	var signers []VerifierKey
	for _, s := range e.signatures {
		k, ok := findKey(known, s.name, s.id)
		if !ok {
			continue
		}
		if !ed25519.Verify(k.public[:], e.text, s.sig) {
			return nil, refuse(LayerSignature, "bad-signature", 0,
				"the signature of %q does not verify: either the document was changed, or it was signed with another key under this name", k.name)
		}
		if !containsKey(signers, k) {
			signers = append(signers, k)
		}
	}
	return signers, nil
}

func findKey(keys []VerifierKey, name string, id uint32) (VerifierKey, bool) {
	for _, k := range keys {
		if k.id == id && k.name == name {
			return k, true
		}
	}
	return VerifierKey{}, false
}

func containsKey(keys []VerifierKey, k VerifierKey) bool {
	_, ok := findKey(keys, k.name, k.id)
	return ok
}

// lineOf returns the number of the line that byte i of data stands on.
func lineOf(data []byte, i int) int {
	return bytes.Count(data[:i], []byte("\n")) + 1
}

// AddSignatures appends signature lines to a note that may still lack some, or
// to a bare text. It verifies nothing that is there already: it is for the
// admins who sign a trust document one after the other, and have looked at it
// with [ReadDraft]. A signer whose line is there already is an error.
func AddSignatures(note []byte, signers ...*Signer) ([]byte, error) {
	text := DraftText(note)
	fresh, err := Sign(text, signers...)
	if err != nil || len(text) == len(note) {
		return fresh, err
	}
	e, err := openEnvelope(note, MaxTrustText)
	if err != nil {
		return nil, err
	}
	if len(e.signatures)+len(signers) > MaxSignatures {
		return nil, fmt.Errorf("the document would have %d signatures; a note has at most %d", len(e.signatures)+len(signers), MaxSignatures)
	}
	for _, s := range signers {
		for _, have := range e.signatures {
			if have.name == s.key.name && have.id == s.key.id {
				return nil, fmt.Errorf("%q has signed this document already", s.key.name)
			}
		}
	}
	return append(bytes.Clone(note), fresh[len(text)+1:]...), nil
}

// DraftText returns the text of a note that nobody has verified: what admins
// are about to sign. A bare text is returned whole.
func DraftText(note []byte) []byte {
	if end := bytes.Index(note, []byte("\n\n")); end >= 0 {
		return note[: end+1 : end+1] // appending to it copies it
	}
	return note
}
