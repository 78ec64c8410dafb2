package serverlist

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// Held says where the bytes of a document come from, which decides the trust
// documents and keys that may still vouch for them.
type Held = keys.Held

// The ways to hold a document.
const (
	Live   = keys.Live   // just fetched
	Stored = keys.Stored // from the client's own cache
	Static = keys.Static // shipped with the program
)

// Want is what the caller expects of a document. A document that is anything
// else is refused.
type Want struct {
	Origin, Type string
	Held         Held
	FirstSeen    time.Time // of a stored document: when this reader first had it; zero: no record
	Shipped      time.Time // of a static document: when the newest trust document it was shipped with was issued; zero: not known, only the pinned one vouches
	Limits       Limits    // zero: the caps of the format
}

func (w Want) head() keys.Want {
	return keys.Want{Origin: w.Origin, Type: w.Type, Held: w.Held, FirstSeen: w.FirstSeen, Shipped: w.Shipped}
}

// ErrShortHead is the error of [OpenHead] for data that ends before the head
// does.
var ErrShortHead = errors.New("the data ends before the head does")

// maxHead is the size of the largest head with its signatures and both blank
// lines.
const maxHead = keys.MaxHeadText + 1 + keys.MaxSignatureBlock + 1

// Open verifies a document against the chain, then parses it. It uses no
// clock and does no I/O. The list has a copy of data, so that what was verified
// is what it shows whatever becomes of data. Errors about the document are
// [*keys.Error].
func Open(data []byte, want Want, chain *keys.Chain) (*List, error) {
	return openList(data, want, chain, false)
}

// openOwned is Open of data that nobody will change: the list keeps it.
func openOwned(data []byte, want Want, chain *keys.Chain) (*List, error) {
	return openList(data, want, chain, true)
}

func openList(given []byte, want Want, chain *keys.Chain, owned bool) (*List, error) {
	data, err := keys.NormalizeLines(given)
	if err != nil {
		return nil, err
	}
	note, size, err := openHead(data, want, chain)
	if err != nil {
		return nil, err
	}
	switch n := int64(len(data) - size); {
	case n < note.Head.BodySize:
		return nil, truncated(n, note.Head.BodySize)
	case n > note.Head.BodySize:
		return nil, appended()
	}
	if !owned && len(data) == len(given) { // a shorter one is a copy already
		data = bytes.Clone(data)
	}
	if sha256.Sum256(data[size:]) != note.Head.BodySHA256 {
		return nil, wrongHash()
	}
	return newList(note, data, size, want.Limits)
}

// OpenHead verifies the head of a document of which the beginning is there, as
// the answer to a request for a range. It returns [ErrShortHead] if the data
// ends before the head does.
func OpenHead(prefix []byte, want Want, chain *keys.Chain) (*keys.Note, error) {
	// A range may end between CR and LF.
	prefix, err := keys.NormalizeLines(bytes.TrimSuffix(prefix, []byte("\r")))
	if err != nil {
		return nil, err
	}
	if noteEnd(prefix) < 0 && len(prefix) < maxHead {
		if _, _, err := openHead(prefix, want, chain); isHTML(err) {
			return nil, err
		}
		return nil, ErrShortHead
	}
	note, _, err := openHead(prefix, want, chain)
	return note, err
}

func isHTML(err error) bool {
	var refusal *keys.Error
	return errors.As(err, &refusal) && refusal.Name == "html"
}

// Read verifies and parses a document that arrives. It verifies the head's
// signatures before it reads the body, and reads no further than one byte
// after the end that the head commits to. Errors about the document are
// [*keys.Error]; others are those of r.
func Read(r io.Reader, want Want, chain *keys.Chain) (*List, error) {
	return readList(r, want, chain, nil, nil)
}

// readList is Read with a say in between: accept sees the verified head, and what
// has come of the document by then, and may return an error, which ends the reading
// before the body; verified sees the verified document, which it must not change,
// before it is parsed.
func readList(r io.Reader, want Want, chain *keys.Chain, accept func(*keys.Note, []byte) error, verified func([]byte)) (*List, error) {
	lf := &lfReader{r: r}
	prefix, err := readPrefix(lf)
	if err != nil {
		return nil, err
	}
	note, size, err := openHead(prefix, want, chain)
	if err != nil {
		return nil, err
	}
	if accept != nil {
		if err := accept(note, prefix); err != nil {
			return nil, err
		}
	}
	data, err := readBody(lf, prefix, size, &note.Head)
	if err != nil {
		return nil, err
	}
	if verified != nil {
		verified(data)
	}
	return newList(note, data, size, want.Limits)
}

func newList(note *keys.Note, data []byte, body int, limits Limits) (*List, error) {
	n := len(note.Text) // also as the capacity, here as elsewhere: appending to a part of a document copies it
	l := &List{Head: note.Head, Signers: note.Signers, data: data, text: data[:n:n], body: body}
	if err := l.parseBody(limits); err != nil {
		return nil, err
	}
	return l, nil
}

// noteEnd returns where the signature lines end: the offset of the LF of the
// second blank line, or -1 if that is not in data. Blanks alone are no note: what
// follows them tells what this is instead.
func noteEnd(data []byte) int {
	text := bytes.Index(data, []byte("\n\n"))
	if text < 0 {
		return -1
	}
	block := bytes.Index(data[text+2:], []byte("\n\n"))
	end := text + 2 + block + 1
	if block < 0 || len(bytes.TrimLeft(data[:end], "\ufeff \t\n")) == 0 {
		return -1
	}
	return end
}

// openHead verifies the head at the start of data and returns the offset of
// the body.
func openHead(data []byte, want Want, chain *keys.Chain) (*keys.Note, int, error) {
	if want.Type != TypeServerList && want.Type != TypeMirrorList {
		return nil, 0, fmt.Errorf("type %q is not one that this package reads", want.Type)
	}
	end := noteEnd(data)
	note := data
	if end >= 0 {
		note = data[:end]
	}
	n, err := chain.Open(note, want.head())
	if err != nil {
		return nil, 0, err
	}
	if end < 0 {
		return nil, 0, truncated(0, n.Head.BodySize)
	}
	if most := want.Limits.body(want.Type); n.Head.BodySize > most {
		return nil, 0, &keys.Error{Layer: keys.LayerBody, Name: "too-large",
			Detail: fmt.Sprintf("the body has %d bytes; it is larger than %d", n.Head.BodySize, most)}
	}
	return n, end + 1, nil
}

// readPrefix reads until the head is complete, the input ends, or more than
// the largest head has come.
func readPrefix(r io.Reader) ([]byte, error) {
	buf := make([]byte, 0, 4<<10)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case noteEnd(buf) >= 0 || len(buf) >= maxHead || err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, htmlRather(buf, err)
		}
	}
}

// htmlRather returns the refusal of HTML if that is what begins here, in place of
// that of a CR that follows.
func htmlRather(begin []byte, err error) error {
	if _, e := keys.NormalizeLines(append(begin, '\r')); isHTML(e) && errors.As(err, new(*keys.Error)) {
		return e
	}
	return err
}

// readBody reads what is missing of the body after prefix, hashing as it
// comes, and checks that the document ends there.
func readBody(r io.Reader, prefix []byte, size int, head *keys.Head) ([]byte, error) {
	if have := int64(len(prefix) - size); have > head.BodySize {
		return nil, appended()
	}
	data := make([]byte, size+int(head.BodySize))
	have := copy(data, prefix)
	sum := sha256.New()
	sum.Write(data[size:have])
	for have < len(data) {
		n, err := r.Read(data[have:min(have+64<<10, len(data))])
		sum.Write(data[have : have+n])
		have += n
		if err == io.EOF && have < len(data) {
			return nil, truncated(int64(have-size), head.BodySize)
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
	}
	if err := atEnd(r); err != nil {
		return nil, err
	}
	if [sha256.Size]byte(sum.Sum(nil)) != head.BodySHA256 {
		return nil, wrongHash()
	}
	return data, nil
}

// atEnd checks that nothing follows.
func atEnd(r io.Reader) error {
	var one [1]byte
	switch _, err := io.ReadFull(r, one[:]); err {
	case nil:
		return appended()
	case io.EOF:
		return nil
	default:
		return err
	}
}

func truncated(have, want int64) error {
	return &keys.Error{Layer: keys.LayerBody, Name: "truncated",
		Detail: fmt.Sprintf("the body has %d of %d bytes: a cut transfer, or the host is writing it just now; try again", have, want)}
}

func appended() error {
	return &keys.Error{Layer: keys.LayerBody, Name: "trailing-bytes",
		Detail: "bytes follow the body: some web hosts append a script or a counter; the mirror needs a host that serves files as they are"}
}

func wrongHash() error {
	return &keys.Error{Layer: keys.LayerBody, Name: "wrong-hash",
		Detail: "the body is not the one that the head commits to: it was changed, or the file is half of one edition and half of another"}
}

// An lfReader turns CRLF into LF as the bytes come, so that sizes and hashes
// are those of the signed document. A CR that stands alone is an error.
type lfReader struct {
	r  io.Reader
	cr bool // the last byte read was a CR, not yet passed on
}

func (l *lfReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	out, bad := l.filter(p[:n])
	if bad || l.cr && err == io.EOF {
		return out, loneCR()
	}
	return out, err
}

// loneCR is the error of keys.NormalizeLines, without the number of the line:
// of what has gone by nobody counts the lines.
func loneCR() error {
	_, err := keys.NormalizeLines([]byte("\r"))
	var e *keys.Error
	if errors.As(err, &e) {
		e.Line = 0
	}
	return err
}

// filter removes the CR of each CRLF in place and returns what is left.
func (l *lfReader) filter(p []byte) (out int, bad bool) {
	if !l.cr && bytes.IndexByte(p, '\r') < 0 {
		return len(p), false
	}
	for _, c := range p {
		switch {
		case l.cr && c != '\n':
			return out, true
		case c == '\r':
			l.cr = true
			continue
		}
		l.cr = false
		p[out] = c
		out++
	}
	return out, false
}
