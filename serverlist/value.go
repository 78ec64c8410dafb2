package serverlist

import (
	"errors"
	"fmt"
	"strconv"
)

// This file reads values of known members. A value of the wrong kind, or with
// a fault in it, is left half read: readEntry then reads it again, as one of an
// unknown member, to learn whether the fault costs the member or the line.

var (
	errString  = errors.New("is not a string")
	errArray   = errors.New("is not an array")
	errObject  = errors.New("is not an object")
	errInteger = errors.New("is not an integer")
	errBool    = errors.New("is neither true nor false")
)

// asString reads a string that passes a check.
func (p *scanner) asString(into *string, check func(string) error) error {
	if p.peek() != '"' {
		return errString
	}
	text, err := p.string()
	if err != nil {
		return err
	}
	if err := check(text); err != nil {
		return err
	}
	*into = text
	return nil
}

// asText reads a text of at most so many code points, as [CheckText] does.
func (p *scanner) asText(into *string, most int) error {
	if p.peek() != '"' {
		return errString
	}
	text, err := p.string()
	if err != nil {
		return err
	}
	if !p.plain || len(text) > most { // the usual case needs no second look
		if err := CheckText(text, most); err != nil {
			return err
		}
	}
	*into = text
	return nil
}

// asStrings reads an array of strings that each pass a check.
func (p *scanner) asStrings(into *[]string, most int, check func(string) error) error {
	if p.peek() != '[' {
		return errArray
	}
	list := p.memory.list[:0]
	var a listReader
	for a.more(p, '[', ']') {
		if len(list) == most {
			return fmt.Errorf("has more than %d elements", most)
		}
		var text string
		if err := p.asString(&text, check); err != nil {
			return fmt.Errorf("element %d: %w", len(list), err)
		}
		list = append(list, text)
	}
	if a.err != nil {
		return a.err
	}
	p.memory.list = list
	*into = p.memory.strings.keep(list)
	return nil
}

func (p *scanner) asInteger(into *int64, least, most int64) error {
	start := p.i
	if p.number() != nil {
		return errInteger
	}
	n, err := strconv.ParseInt(p.s[start:p.i], 10, 64)
	if err != nil || p.s[start:p.i] == "-0" {
		return errInteger
	}
	if n < least || n > most {
		return fmt.Errorf("is not from %d to %d", least, most)
	}
	*into = n
	return nil
}

func (p *scanner) asBool(into *bool) error {
	c := p.peek()
	if c != 't' && c != 'f' {
		return errBool
	}
	*into = c == 't'
	return p.word()
}

// asObject reads an object. For each member it calls known, which reads the
// value of a member that it knows; others are skipped.
func (p *scanner) asObject(known func(name string) (bool, error)) error {
	if p.peek() != '{' {
		return errObject
	}
	var o objectReader
	for o.next(p) {
		ok, err := known(o.name)
		if !ok {
			err = p.skip()
		}
		if err != nil {
			return err
		}
	}
	return o.err
}

// A memory gives entries the room for what is in their lists. Entries of one
// document share it, so that a list costs few allocations however many entries
// it has. The zero value gives each list its own.
type memory struct {
	scanner   scanner // of the line that is being read, as the next three
	list      []string
	endpoints []Endpoint
	unknown   []Member
	strings   arena[string]
	members   arena[Member]
}

// An arena allocates short lists from chunks.
type arena[T any] struct {
	used []T // of the last chunk
	size int // elements of a chunk
}

// keep returns a copy of the list that cannot grow into another one.
func (a *arena[T]) keep(list []T) []T {
	n := len(list)
	if n == 0 {
		return nil
	}
	if cap(a.used)-len(a.used) < n {
		a.used = make([]T, 0, max(a.size, n))
	}
	from := len(a.used)
	a.used = append(a.used, list...)
	return a.used[from : from+n : from+n]
}

// forget takes back what was kept since used was what is given.
func (a *arena[T]) forget(used []T) {
	if cap(used) > 0 && &used[:1][0] == &a.used[:1][0] {
		a.used = used
	} else { // a chunk has been added since: all of it is free
		a.used = a.used[:0]
	}
}
