package serverlist

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// This file reads JSON as strictly as the format asks: no spaces outside
// strings, no duplicate names at any depth, valid UTF-8, no lone surrogates,
// names compared byte by byte, a bounded depth. encoding/json allows all of
// these.

const maxDepth = 8 // the entry itself is depth 1

// The largest integer that every reader in every language can hold.
const maxInteger = 1<<53 - 1

var (
	errSyntax    = errors.New("is not JSON without spaces outside strings")
	errUTF8      = errors.New("has a string that is not UTF-8")
	errSurrogate = errors.New("has a lone surrogate")
	errDepth     = fmt.Errorf("nests deeper than %d", maxDepth)
)

// A scanner walks over one JSON text.
type scanner struct {
	s     string
	i     int
	depth int
	plain bool // the string read last is printable ASCII, written without escapes

	memory *memory // for known members; skipping needs none
}

// peek returns the next byte, 0 at the end.
func (p *scanner) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

// take consumes c if it is next.
func (p *scanner) take(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

// skip reads one value of any kind and checks no more than its syntax.
func (p *scanner) skip() error {
	switch c := p.peek(); {
	case c == '"':
		_, err := p.string()
		return err
	case c == '{':
		return p.skipObject()
	case c == '[':
		return p.skipArray()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	default:
		return p.word()
	}
}

func (p *scanner) skipObject() error {
	var o objectReader
	for o.next(p) {
		if err := p.skip(); err != nil {
			return err
		}
	}
	return o.err
}

func (p *scanner) skipArray() error {
	var a listReader
	for a.more(p, '[', ']') {
		if err := p.skip(); err != nil {
			return err
		}
	}
	return a.err
}

// A listReader walks over what stands between two brackets. The caller reads
// the items. After more has returned false, err tells whether the brackets and
// commas were well-formed.
type listReader struct {
	opened bool
	err    error
}

// more tells whether a further item follows, and consumes what stands before
// it.
func (l *listReader) more(p *scanner, open, end byte) bool {
	if l.opened {
		if p.take(',') {
			return true
		}
		if p.take(end) {
			p.depth--
			return false
		}
		return l.fail(errSyntax)
	}
	l.opened = true
	if !p.take(open) {
		return l.fail(errSyntax)
	}
	if p.depth++; p.depth > maxDepth {
		return l.fail(errDepth)
	}
	if p.take(end) {
		p.depth--
		return false
	}
	return true
}

func (l *listReader) fail(err error) bool {
	l.err = err
	return false
}

// An objectReader walks over the members of an object, as a listReader does:
// after next has returned true the caller reads the value of the member.
type objectReader struct {
	listReader
	start int // of the name in the text
	name  string
	seen  nameSet
}

func (o *objectReader) next(p *scanner) bool {
	if !o.more(p, '{', '}') {
		return false
	}
	if p.peek() != '"' {
		return o.fail(errSyntax)
	}
	o.start = p.i
	if o.name, o.err = p.string(); o.err != nil {
		return false
	}
	if !o.seen.add(o.name) {
		return o.fail(fmt.Errorf("has the member %q twice", clip(o.name)))
	}
	if !p.take(':') {
		return o.fail(errSyntax)
	}
	return true
}

// A nameSet finds duplicates: in a short list while an object has no more names
// than an entry may have, in a map beyond that.
type nameSet struct {
	marks uint64 // the bits of all names; most new names have one of their own
	short [32]string
	n     int
	more  map[string]bool
}

func (s *nameSet) add(name string) bool {
	bit := markOf(name)
	if s.marks&bit != 0 && s.has(name) {
		return false
	}
	s.marks |= bit
	if s.n < len(s.short) {
		s.short[s.n] = name
		s.n++
		return true
	}
	if s.more == nil {
		s.more = make(map[string]bool)
	}
	s.more[name] = true
	return true
}

func (s *nameSet) has(name string) bool {
	for _, have := range s.short[:s.n] {
		if have == name {
			return true
		}
	}
	return s.more[name]
}

// markOf picks one of 64 bits for a name.
func markOf(name string) uint64 {
	if name == "" {
		return 1
	}
	return 1 << ((uint(len(name))*5 + uint(name[0])*3 + uint(name[len(name)-1])) & 63)
}

// string reads a string. One without escapes shares the memory of the text.
func (p *scanner) string() (string, error) {
	p.i++ // the opening quote
	start := p.i
	p.plain = true
	for {
		p.i += plain(p.s[p.i:])
		if p.i == len(p.s) {
			return "", errSyntax
		}
		switch c := p.s[p.i]; {
		case c == '"':
			text := p.s[start:p.i]
			p.i++
			if !p.plain && !utf8.ValidString(text) {
				return "", errUTF8
			}
			return text, nil
		case c == '\\':
			p.plain = false
			return p.escapedString(start)
		case c < 0x20:
			return "", errSyntax
		}
		p.plain = false // DEL, or not ASCII
		p.i++
	}
}

// escapedString goes on at the first escape of a string that began at start.
func (p *scanner) escapedString(start int) (string, error) {
	var b strings.Builder
	b.WriteString(p.s[start:p.i])
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			if !utf8.ValidString(b.String()) {
				return "", errUTF8
			}
			return b.String(), nil
		case c < 0x20:
			return "", errSyntax
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		default:
			b.WriteByte(c)
			p.i++
		}
	}
	return "", errSyntax
}

// escape reads one escape sequence, or two that form a surrogate pair.
func (p *scanner) escape() (rune, error) {
	if p.i+1 >= len(p.s) {
		return 0, errSyntax
	}
	c := p.s[p.i+1]
	if c == 'u' {
		return p.unicodeEscape()
	}
	p.i += 2
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	}
	return 0, errSyntax
}

func (p *scanner) unicodeEscape() (rune, error) {
	r, err := p.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if p.peek() != '\\' || p.i+1 >= len(p.s) || p.s[p.i+1] != 'u' {
		return 0, errSurrogate
	}
	low, err := p.hex4()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, errSurrogate
	}
	return r, nil
}

// hex4 reads \uXXXX.
func (p *scanner) hex4() (rune, error) {
	if p.i+6 > len(p.s) {
		return 0, errSyntax
	}
	var r rune
	for _, c := range []byte(p.s[p.i+2 : p.i+6]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, errSyntax
		}
	}
	p.i += 6
	return r, nil
}

// number checks the grammar of a number.
func (p *scanner) number() error {
	p.take('-')
	if !p.take('0') && !p.digits() {
		return errSyntax
	}
	if p.take('.') && !p.digits() {
		return errSyntax
	}
	if p.take('e') || p.take('E') {
		if !p.take('+') {
			p.take('-')
		}
		if !p.digits() {
			return errSyntax
		}
	}
	return nil
}

func (p *scanner) digits() bool {
	start := p.i
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.i++
	}
	return p.i > start
}

func (p *scanner) word() error {
	for _, w := range []string{"true", "false", "null"} {
		if strings.HasPrefix(p.s[p.i:], w) {
			p.i += len(w)
			return nil
		}
	}
	return errSyntax
}
