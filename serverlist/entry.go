package serverlist

import (
	"errors"
	"fmt"
)

// Caps of the members that this version does not know, in one entry. They leave
// room for later versions, and half of a line to what readers understand.
const (
	MaxUnknown      = 16      // members
	MaxUnknownBytes = 4 << 10 // from the quotes that open their names to the ends of their values
)

// A Member is a JSON member this version does not know: its name and the bytes
// of its value, kept as they came.
type Member struct {
	Name  string
	Value string // valid JSON without spaces outside strings
}

// An entry takes the members of one line.
type entry interface {
	set(name string, p *scanner) (known, required bool, err error)
	keep(unknown []Member)
}

// dropped receives a wrong optional member. It returns an error to refuse the
// whole entry for it.
type dropped func(*FieldError) error

func strictly(e *FieldError) error { return e }

// errUnknown marks an entry that has too much of what this version does not
// know.
var errUnknown = fmt.Errorf("has more than %d members that this version does not know, or more than %d bytes of them", MaxUnknown, MaxUnknownBytes)

// readEntry reads a whole line as one object, member by member.
func readEntry(line string, e entry, m *memory, drop dropped) error {
	p := &m.scanner
	*p = scanner{s: line, memory: m}
	var o objectReader
	unknown, size := m.unknown[:0], 0
	for o.next(p) {
		start := p.i
		known, required, err := e.set(o.name, p)
		switch {
		case !known:
			if err := p.skip(); err != nil {
				return err
			}
			if size += p.i - o.start; len(unknown) == MaxUnknown || size > MaxUnknownBytes {
				return errUnknown
			}
			unknown = append(unknown, Member{o.name, line[start:p.i]})
		case err != nil:
			if err := p.retry(start); err != nil {
				return err
			}
			wrong := &FieldError{o.name, err.Error()}
			if required {
				return wrong
			}
			if err := drop(wrong); err != nil {
				return err
			}
		}
	}
	if o.err != nil {
		return o.err
	}
	if p.i != len(line) {
		return errSyntax
	}
	m.unknown = unknown
	e.keep(m.members.keep(unknown))
	return nil
}

// retry reads the value of a member again, which is wrong as a known one.
func (p *scanner) retry(start int) error {
	p.i, p.depth = start, 1
	return p.skip()
}

// checkUnknown tells whether members can stand in an entry as unknown ones:
// readers must find each as it is here. The names among each other are checked
// where the entry is read.
func checkUnknown(list []Member, e entry) error {
	for _, m := range list {
		if known, _, _ := e.set(m.Name, &scanner{}); known {
			return &FieldError{clip(m.Name), "is a member that this version knows; it cannot be an unknown one"}
		}
		p := scanner{s: m.Value, depth: 1}
		err := p.skip()
		if err == nil && p.i != len(m.Value) {
			err = errors.New("has a value that is more than one JSON value")
		}
		if err != nil {
			return &FieldError{clip(m.Name), err.Error()}
		}
	}
	return nil
}
