package keys

import "fmt"

// A Layer is the part of the format that refused a document. SPEC.md orders
// the layers: an earlier one refuses before a later one has looked.
type Layer string

// The layers, in the order in which they look at a document.
const (
	LayerEnvelope  Layer = "envelope"  // bytes, line ends, sizes, the shape of a note
	LayerSignature Layer = "signature" // signature lines, thresholds, revocation
	LayerHead      Layer = "head"      // the lines of the head and what they say
	LayerTrust     Layer = "trust"     // the rules of trust documents and their chain
	LayerBody      Layer = "body"      // the body's size, hash and end
	LayerEntry     Layer = "entry"     // one line of the body; costs the entry, never the list
)

// Error says why a document, or one entry of it, was refused.
// Use errors.As to branch on Layer and Name; both are stable and listed in
// SPEC.md. The text is for people and may change.
type Error struct {
	Layer  Layer
	Name   string // the reason's name in SPEC.md, as "threshold" or "wrong-origin"
	Line   int    // line of the document (of the body in LayerEntry), from 1; 0 when the reason has no line
	Detail string // what was found, what it may mean, what helps
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s, line %d: %s (%s)", e.Layer, e.Line, e.Detail, e.Name)
	}
	return fmt.Sprintf("%s: %s (%s)", e.Layer, e.Detail, e.Name)
}

func refuse(l Layer, name string, line int, format string, args ...any) *Error {
	return &Error{Layer: l, Name: name, Line: line, Detail: fmt.Sprintf(format, args...)}
}
