package keys

import (
	"crypto/sha256"
	"time"
)

// A Head is what the signed text of a list says. Trust documents have a type
// of their own, [Trust].
type Head struct {
	Origin     string
	Type       string // as "server-list/1"
	Version    int64
	Epoch      int64
	Issued     time.Time // whole seconds, UTC, as all times here
	FreshUntil time.Time
	OldAfter   time.Time
	Trust      int64             // number of the trust document the writer knew; a hint
	Mirrors    int64             // version of the mirror list the writer knew; a hint; 0: not said
	BodySize   int64             // bytes
	BodySHA256 [sha256.Size]byte // of the body
	Extra      []Field           // lines this version does not know, in their order, and a "mirrors 0"
}

// A Field is a "key value" line that this version does not know.
type Field struct {
	Line       int // where it stands in the document, from 1; 0: after all others
	Key, Value string
}

// A Note is a verified signed head.
type Note struct {
	Head    Head
	Text    []byte        // the signed bytes: equal texts mean the same document
	Signers []VerifierKey // the known keys whose signatures verified
}

// listLines is the order of the lines of a list's head.
var listLines = []lineRule{
	{key: "type"}, {key: "version"}, {key: "epoch"}, {key: "issued"}, {key: "fresh-until"},
	{key: "old-after"}, {key: "trust"}, {key: "mirrors", optional: true}, {key: "body"},
}

// parseHead reads the text of a list. The caller has verified it.
func parseHead(text []byte) (*Head, error) {
	r, err := readLines(text, listLines)
	if err != nil {
		return nil, err
	}
	h := &Head{
		Origin:     r.origin,
		Type:       r.text("type"),
		Version:    r.integer("version"),
		Epoch:      r.integer("epoch"),
		Issued:     r.time("issued"),
		FreshUntil: r.time("fresh-until"),
		OldAfter:   r.time("old-after"),
		Trust:      r.integer("trust"),
		Mirrors:    r.integer("mirrors"),
		Extra:      r.extra,
	}
	h.BodySize, h.BodySHA256 = r.body("body")
	if l, said := r.get("mirrors"); said && h.Mirrors == 0 {
		h.Extra = inOrder(append(h.Extra, Field{l.number, "mirrors", l.value})) // Mirrors cannot say it
	}
	if r.err == nil {
		r.err = h.check()
	}
	if r.err != nil {
		return nil, r.err
	}
	return h, nil
}

// check holds the rules that concern more than one line.
func (h *Head) check() error {
	switch {
	case h.FreshUntil.Before(h.Issued) || h.OldAfter.Before(h.FreshUntil):
		return refuse(LayerHead, "times-misordered", 0, "issued, fresh-until and old-after are not in this order")
	case h.Version > h.Issued.Unix():
		return refuse(LayerHead, "version-ahead", 0, "version %d is later than its time of issue (%d)", h.Version, h.Issued.Unix())
	}
	return nil
}

// Encode returns the text to sign. It refuses what readers would refuse.
func (h *Head) Encode() ([]byte, error) {
	w := newLineWriter(h.Origin, h.Extra)
	w.line("type", h.Type)
	w.integer("version", h.Version)
	w.integer("epoch", h.Epoch)
	w.time("issued", h.Issued)
	w.time("fresh-until", h.FreshUntil)
	w.time("old-after", h.OldAfter)
	w.integer("trust", h.Trust)
	if h.Mirrors != 0 {
		w.integer("mirrors", h.Mirrors)
	}
	w.body("body", h.BodySize, h.BodySHA256)
	text, err := w.finish()
	if err != nil {
		return nil, err
	}
	if err := checkText(text, MaxHeadText); err != nil {
		return nil, err
	}
	if _, err := parseHead(text); err != nil {
		return nil, err
	}
	return text, nil
}
