package keys

// A Chain is the verified sequence of an origin's trust documents, from the
// pinned one upwards. It is immutable; Extend returns a longer one.
type Chain struct {
	docs []*Trust
}
