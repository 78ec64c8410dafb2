package store

import (
	"context"
	"time"
)

// NoteStore is the part of a [Store] that keeps what admins note down, for
// themselves and later admins.
type NoteStore interface {
	// AddNote notes something down about a registration or an entry.
	// [ErrNotFound] when there is no such thing, [*TooManyError] beyond MaxNotes.
	AddNote(ctx context.Context, n Note) (Note, error)

	// Notes returns the notes about something, oldest first.
	Notes(ctx context.Context, kind NoteKind, about string) ([]Note, error)
}

// A Note is something that an admin has noted down.
type Note struct {
	Kind  NoteKind // of what it is about
	About string   // its id
	At    time.Time
	Admin string
	Text  string
}

// NoteKind says what a note is about.
type NoteKind string

// The kinds of notes.
const (
	NoteRegistration NoteKind = "registration"
	NoteEntry        NoteKind = "entry"
)

// MaxNotes is how many notes there may be about one thing.
const MaxNotes = 200

// ActionNote is that of an admin who notes something down.
const ActionNote Action = "note"

func (s *sqlStore) AddNote(ctx context.Context, n Note) (Note, error) {
	err := s.decide(ctx, n.Admin, func(d *decider) error {
		if err := d.roomForNote(n); err != nil {
			return err
		}
		id, err := d.next("note")
		if err != nil {
			return err
		}
		_, err = d.exec("INSERT INTO notes (id, kind, about, at, admin, note) VALUES ($1, $2, $3, $4, $5, $6)", id, n.Kind, n.About, d.now, n.Admin, n.Text)
		if err != nil {
			return err
		}
		n.At = unixTime(d.now)
		return d.recordAbout(ActionNote, n.About, "") // the audit log is for ever, and a note may have to go
	})
	return orNothing(n, err)
}

func (d *decider) roomForNote(n Note) error {
	if n.Kind == NoteEntry {
		if _, err := d.entry(n.About); err != nil {
			return err
		}
	} else {
		number, err := parseID(n.About)
		if err != nil {
			return err
		}
		if _, err := d.registration(number); err != nil {
			return err
		}
	}
	var have int
	err := d.row("SELECT COUNT(*) FROM notes WHERE kind = $1 AND about = $2", n.Kind, n.About).Scan(&have)
	if err == nil && have >= MaxNotes {
		err = &TooManyError{"notes about " + n.About, MaxNotes}
	}
	return err
}

func (s *sqlStore) Notes(ctx context.Context, kind NoteKind, about string) ([]Note, error) {
	rows, err := s.r.QueryContext(ctx, "SELECT kind, about, at, admin, note FROM notes WHERE kind = $1 AND about = $2 ORDER BY id", kind, about)
	return readRows(rows, err, func(row scanner) (n Note, err error) {
		var at int64
		err = row.Scan(&n.Kind, &n.About, &at, &n.Admin, &n.Text)
		n.At = unixTime(at)
		return n, err
	})
}
