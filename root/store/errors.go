package store

import (
	"errors"
	"fmt"
	"time"
)

// Errors without further detail.
var (
	ErrNotFound  = errors.New("there is no such thing here")
	ErrQueueFull = errors.New("the queue of registrations is full; an admin has to decide some of them first")
	ErrNoSpace   = errors.New("the disk is full; nothing was changed, and what was stored before is there")
	ErrReadOnly  = errors.New("the disk of the database cannot be written to: it is mounted read-only, or it fails; nothing was changed, and what was stored before is there")
	ErrConflict  = errors.New("another edition was published meanwhile; read the newest one and try again")
	ErrAmbiguous = errors.New("this is the id of a request and of an entry as well; name the person by the e-mail address")
)

// A SourceLimitError refuses one more request of a source that has sent enough
// for now. What it sent before stays in the queue.
type SourceLimitError struct {
	Limit      int           // requests within the window
	RetryAfter time.Duration // whole seconds, at least one; the same request may pass then
}

func (e *SourceLimitError) Error() string {
	return fmt.Sprintf("%d registrations came from this address or its network lately, which is the limit; try again in %s", e.Limit, e.RetryAfter)
}

// A DecidedError refuses to decide what is decided.
type DecidedError struct {
	ID     string // of the registration or entry
	Status Status // what it is now
	Entry  string // the entry that the registration became, or ""
}

func (e *DecidedError) Error() string {
	if e.Entry != "" && e.Entry != e.ID {
		return fmt.Sprintf("%s is %s already (entry %s)", e.ID, e.Status, e.Entry)
	}
	return fmt.Sprintf("%s is %s already", e.ID, e.Status)
}

// A RevisionError refuses to approve what its requester has changed since the
// admin looked at it.
type RevisionError struct {
	ID       string // of the registration
	Revision int    // what it is now
}

func (e *RevisionError) Error() string {
	return fmt.Sprintf("%s has changed since you looked, it is revision %d now: look again", e.ID, e.Revision)
}

// A TakenError refuses an id or a name that is in use.
type TakenError struct {
	ID   string
	Ever bool // it may have been in use long ago: ids of entries are never given twice
}

func (e *TakenError) Error() string {
	if e.Ever {
		return fmt.Sprintf("%q is taken; choose another id (ids of entries are never given twice)", e.ID)
	}
	return fmt.Sprintf("%q is taken; choose another", e.ID)
}

// An UpdateError refuses to make a second entry out of a registration that
// belongs to a listed one.
type UpdateError struct {
	Registration string
	Entry        string // the entry that it updates
}

func (e *UpdateError) Error() string {
	return fmt.Sprintf("%s is an update of entry %s and cannot become another entry; approve it without an id, or revoke %s first", e.Registration, e.Entry, e.Entry)
}

// A ConfirmError refuses to confirm the removal of entries that nobody can
// have seen.
type ConfirmError struct {
	Change  int64 // that was to be confirmed
	Pending int64 // the change that waits for confirmation; 0: none
}

func (e *ConfirmError) Error() string {
	if e.Pending == 0 {
		return fmt.Sprintf("change %d does not wait for confirmation, and nothing else of this list does", e.Change)
	}
	return fmt.Sprintf("change %d does not wait for confirmation; change %d does: look at what it removes", e.Change, e.Pending)
}
