package publish

import (
	"context"
	"errors"
	"time"
)

// ErrUntried says that nothing but a publication tells whether a target can be
// written to.
var ErrUntried = errors.New("only a publication tells whether it can be written to")

// A Trier is a [Target] that can find out whether it can be written to while
// there is nothing to publish.
type Trier interface {
	Target

	// TryWrite does in every folder of documents what Write does, with a small
	// file of its own: it is written under one name, renamed where documents
	// are, read back and removed. No document is touched. What a trial leaves
	// behind that was interrupted, a later session removes; folders that are
	// missing are made as Write makes them, and removed if that is safe.
	//
	// An error that is [ErrUntried] says that the trial shows nothing.
	TryWrite(ctx context.Context) error
}

// TryWrite finds out whether a target can be written to, without publishing
// anything. The error is [ErrUntried] alone if the target is no [Trier].
func TryWrite(ctx context.Context, t Target) error {
	trier, ok := t.(Trier)
	if !ok {
		return ErrUntried
	}
	return trier.TryWrite(ctx)
}

// An Impatient target can be told to give a silent host up sooner than it
// does in runs that nobody waits for.
type Impatient interface {
	Target

	// GiveUpAfter returns a copy that bears no longer silence than this.
	GiveUpAfter(silence time.Duration) Target
}

// GiveUpAfter returns the target with no more patience than this, if it can be
// told. A host that is slow and not silent is waited for all the same.
func GiveUpAfter(t Target, silence time.Duration) Target {
	if impatient, ok := t.(Impatient); ok {
		return impatient.GiveUpAfter(silence)
	}
	return t
}

// Shorter returns the shorter of two times; of one that is 0, its default
// counts.
func Shorter(given, otherwise, limit time.Duration) time.Duration {
	if given <= 0 {
		given = otherwise
	}
	return min(given, limit)
}
