package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

const (
	maxSteps    = 256                                              // trust documents that one walk may add
	maxTrustDoc = 2 * (keys.MaxTrustText + keys.MaxSignatureBlock) // bytes; twice, because a host may have added CRs
)

// A Holding is what a target holds, read back and verified. Documents that did
// not verify are not in it; Refused says why.
type Holding struct {
	Trust   *keys.Chain      // the chain that was asked about, extended by what the target holds
	Mirrors *serverlist.List // nil: none, or none that verifies
	Servers *serverlist.List // nil: none, or none that verifies

	Refused map[string]error // by name: what is there and does not verify

	same map[string]bool // trust documents that are there as the chain has them
	crlf map[string]bool // documents whose line ends came back as CRLF
}

// HeldTrust returns the number of the newest document of Trust that the target
// has; 0: none.
func (h *Holding) HeldTrust() int64 {
	var newest int64
	for _, doc := range h.Trust.Documents() {
		if h.same[TrustName(doc.Version)] {
			newest = max(newest, doc.Version)
		}
	}
	return newest
}

// ReadBack reads everything a target holds and verifies it as live under the
// chain and the trust documents with which the target extends it. What is
// absent or does not verify is not an error; what cannot be read is, because
// nothing is known of it then.
func ReadBack(ctx context.Context, t Target, chain *keys.Chain) (*Holding, error) {
	s, err := t.Open(ctx)
	if err != nil {
		return nil, err
	}
	h, err := readBack(ctx, s, Documents{Trust: chain})
	if err := errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	return h, nil
}

// readBack expects to find docs; anything may be there.
func readBack(ctx context.Context, s Session, docs Documents) (*Holding, error) {
	h := &Holding{Trust: docs.Trust, Refused: map[string]error{}, same: map[string]bool{}, crlf: map[string]bool{}}
	if err := h.readChain(ctx, s); err != nil {
		return nil, err
	}
	if err := h.walk(ctx, s); err != nil {
		return nil, err
	}
	var err error
	if h.Mirrors, err = h.readList(ctx, s, MirrorList, serverlist.TypeMirrorList, docs.Mirrors); err != nil {
		return nil, err
	}
	if h.Servers, err = h.readList(ctx, s, ServerList, serverlist.TypeServerList, docs.Servers); err != nil {
		return nil, err
	}
	return h, nil
}

// readChain compares the trust documents that both sides should have.
func (h *Holding) readChain(ctx context.Context, s Session) error {
	docs := h.Trust.Documents()
	for i, doc := range docs {
		name := TrustName(doc.Version)
		data, err := h.readTrust(ctx, s, name)
		switch {
		case err != nil:
			return err
		case data == nil:
		case bytes.Equal(data, doc.Bytes()):
			h.same[name] = true
		case forks(docs[:i], data):
			return &EquivocationError{Name: name, Held: data, Given: doc.Bytes()}
		case h.Refused[name] == nil:
			h.Refused[name] = errors.New("it is not the document that was verified here")
		}
	}
	return nil
}

// walk extends the chain by what the target holds beyond it.
func (h *Holding) walk(ctx context.Context, s Session) error {
	for range maxSteps {
		name := TrustName(h.Trust.Newest().Version + 1)
		data, err := h.readTrust(ctx, s, name)
		if err != nil || data == nil {
			return err
		}
		longer, err := h.Trust.Extend(data)
		if err != nil {
			h.Refused[name] = err
			return nil
		}
		h.Trust, h.same[name] = longer, true
	}
	return nil
}

// forks tells whether data verifies as the successor of docs: then the admins
// have signed two documents with one number.
func forks(docs []*keys.Trust, data []byte) bool {
	if len(docs) == 0 {
		return false // anyone can sign a first document; the pinned one is right
	}
	chain, err := keys.NewChain(docs[0].Bytes())
	for i := 1; err == nil && i < len(docs); i++ {
		chain, err = chain.Extend(docs[i].Bytes())
	}
	if err == nil {
		_, err = chain.Extend(data)
	}
	return err == nil
}

// readTrust returns the document's bytes with LF line ends. It returns nil if
// the document is not there or cannot be one; Refused then says why.
func (h *Holding) readTrust(ctx context.Context, s Session, name string) ([]byte, error) {
	r, err := openDocument(ctx, s, name)
	if r == nil || err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxTrustDoc+1))
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("reading %s back: %w", name, err)
	}
	if len(raw) > maxTrustDoc {
		h.Refused[name] = fmt.Errorf("it is larger than %d bytes", maxTrustDoc)
		return nil, nil
	}
	data, err := keys.NormalizeLines(raw)
	if err != nil {
		h.Refused[name] = err
		return nil, nil
	}
	h.crlf[name] = len(data) != len(raw)
	return data, nil
}

// readList returns the list if it is there and verifies. What the caller
// expects to be there may be given: the same bytes need no second look at each
// entry.
func (h *Holding) readList(ctx context.Context, s Session, name, typ string, expected *serverlist.List) (*serverlist.List, error) {
	r, err := openDocument(ctx, s, name)
	if r == nil || err != nil {
		return nil, err
	}
	w := &watchedReader{r: r}
	list, refusal := h.verify(w, name, typ, expected)
	if err := errors.Join(w.err, r.Close()); err != nil {
		return nil, fmt.Errorf("reading %s back: %w", name, err)
	}
	if refusal != nil {
		if h.onceHeld(ctx, s, name, typ) {
			refusal = &outlivedError{refusal}
		}
		h.Refused[name] = refusal
		return nil, nil
	}
	h.crlf[name] = w.sawCR
	return list, nil
}

// An outlivedError says that a list is genuine, and that no trust document has
// its keys any more: what a host holds when keys have changed and the mirror has
// not run since.
type outlivedError struct{ err error }

func (e *outlivedError) Error() string {
	return fmt.Sprintf("its keys were valid and were replaced by newer trust documents (%v)", e.err)
}

func (e *outlivedError) Unwrap() error { return e.err }

// onceHeld tells whether a list that does not verify did so under an older
// trust document, and was not revoked. It only serves to say so: what cannot be
// read again is not an error.
func (h *Holding) onceHeld(ctx context.Context, s Session, name, typ string) bool {
	if len(h.Trust.Documents()) < 2 {
		return false
	}
	r, err := s.Read(ctx, name)
	if err != nil {
		return false
	}
	want := serverlist.Want{Origin: h.Trust.Origin(), Type: typ, Held: keys.Stored}
	_, err = serverlist.Read(r, want, h.Trust)
	return errors.Join(err, r.Close()) == nil
}

func (h *Holding) verify(r io.Reader, name, typ string, expected *serverlist.List) (*serverlist.List, error) {
	if expected != nil {
		same, read := yieldsExactly(r, expected.Bytes())
		if same {
			return expected, holds(expected, name, typ, h.Trust)
		}
		r = io.MultiReader(bytes.NewReader(read), r)
	}
	return serverlist.Read(r, serverlist.Want{Origin: h.Trust.Origin(), Type: typ}, h.Trust)
}

// yieldsExactly tells whether r yields data and ends; if not, read is what it has
// yielded so far. An error of r comes again with the next read.
func yieldsExactly(r io.Reader, data []byte) (same bool, read []byte) {
	buf := make([]byte, len(data)+1)
	n, err := io.ReadFull(r, buf)
	return err == io.ErrUnexpectedEOF && bytes.Equal(buf[:n], data), buf[:n]
}

// openDocument returns nil and no error if the document is not there.
func openDocument(ctx context.Context, s Session, name string) (io.ReadCloser, error) {
	r, err := s.Read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s back: %w", name, err)
	}
	return r, nil
}

// A watchedReader remembers what verification does not tell: whether reading
// itself failed, and whether line ends were changed on the way.
type watchedReader struct {
	r     io.Reader
	err   error
	sawCR bool
}

func (w *watchedReader) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	if !w.sawCR {
		w.sawCR = bytes.IndexByte(p[:n], '\r') >= 0
	}
	return n, err
}
