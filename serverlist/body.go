package serverlist

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/signed-metaserver/metaserver/keys"
)

// Caps of the format. Readers refuse more; the root refuses to sign more.
const (
	MaxServerListBody = 64 << 20 // bytes
	MaxMirrorListBody = 1 << 20  // bytes
	MaxLines          = 1 << 18  // of a body, so the number of its entries
	MaxElements       = 1 << 21  // of the lists in all entries of a body, Unknown being one
	MaxEntry          = 8 << 10  // bytes of a line without its LF
)

// minServer is the size of the smallest line that is a server.
const minServer = len(`{"id":"a","name":"a","addresses":["a:1"]}` + "\n")

// maxReports bounds List.Skipped: a list made of errors must not cost more
// memory than a good one.
const maxReports = 1000

// Limits are the sizes above which a document is refused before memory is spent
// on it. A zero field means the cap of the format. Callers may ask for less,
// never for more.
type Limits struct {
	Body     int64 // bytes of a body; format: 64 MiB for server lists, 1 MiB for mirror lists
	Lines    int   // lines of a body; format: 262,144
	Elements int   // of the lists in all entries of a body; format: 2,097,152
	Entry    int   // bytes of one line of a body without its LF; format: 8 KiB
}

// or returns the limits with those of others where they have none.
func (l Limits) or(others Limits) Limits {
	return Limits{
		Body: cmp.Or(l.Body, others.Body), Lines: cmp.Or(l.Lines, others.Lines),
		Elements: cmp.Or(l.Elements, others.Elements), Entry: cmp.Or(l.Entry, others.Entry),
	}
}

// body returns the cap of a body of this type.
func (l Limits) body(typ string) int64 {
	most := int64(MaxServerListBody)
	if typ == TypeMirrorList {
		most = MaxMirrorListBody
	}
	if l.Body > 0 && l.Body < most {
		return l.Body
	}
	return most
}

func (l Limits) lines() int    { return atMost(MaxLines, l.Lines) }
func (l Limits) elements() int { return atMost(MaxElements, l.Elements) }
func (l Limits) entry() int    { return atMost(MaxEntry, l.Entry) }

// atMost returns the caller's limit if it has one below the format's.
func atMost(format, caller int) int {
	if caller > 0 && caller < format {
		return caller
	}
	return format
}

// parseBody fills the list with the entries of its verified body. It refuses a
// body of too many lines or elements before it spends memory on them.
func (l *List) parseBody(limits Limits) error {
	body := l.data[l.body:]
	lines := countLines(body)
	if most := limits.lines(); lines > most {
		return tooManyLines(lines, most)
	}
	// The strings of the entries are parts of the document, of which the list
	// has the only copy (see openList and readBody); what List.Bytes shows of it
	// nobody changes. A copy of each would cost the document's size again.
	text := unsafe.String(unsafe.SliceData(body), len(body))
	p := newBodyParser(l, limits, lines)
	for text != "" {
		line, rest, ended := strings.Cut(text, "\n")
		p.line(line, ended)
		text = rest
		if most := limits.elements(); p.elements > most {
			return tooManyElements(most)
		}
	}
	// Whoever appends to one of these gets a copy.
	l.Servers, l.Mirrors, l.Skipped = slices.Clip(l.Servers), slices.Clip(l.Mirrors), slices.Clip(l.Skipped)
	return nil
}

func countLines(body []byte) int {
	n := bytes.Count(body, []byte{'\n'})
	if len(body) > 0 && body[len(body)-1] != '\n' {
		n++
	}
	return n
}

func tooManyLines(have, most int) error {
	return &keys.Error{Layer: keys.LayerBody, Name: "too-many-lines",
		Detail: fmt.Sprintf("the body has %d lines, more than %d", have, most)}
}

func tooManyElements(most int) error {
	return &keys.Error{Layer: keys.LayerBody, Name: "too-many-elements",
		Detail: fmt.Sprintf("the lists in the entries of the body have more than %d elements together", most)}
}

// A bodyParser reads the lines of one body. A bad line is skipped and
// reported; it never costs the list.
type bodyParser struct {
	list     *List
	most     int // bytes of a line
	lines    int // of the body
	number   int // of the line, from 1
	elements int // of the lists of all entries so far
	memory   memory
	drop     dropped
	entry    func(line string) error
	last     string          // highest id so far, while ids ascend
	ids      map[string]bool // all ids, once they do not ascend
}

func newBodyParser(l *List, limits Limits, lines int) *bodyParser {
	p := &bodyParser{list: l, most: limits.entry(), lines: lines}
	p.drop = p.dropMember
	p.memory.strings.size = min(512, 2*lines)
	p.memory.members.size = min(256, lines)
	if l.Head.Type == TypeMirrorList {
		p.entry = p.mirror
		return p
	}
	p.entry = p.server
	// One allocation for as many as there can be: growing would cost twice that.
	l.Servers = make([]Server, 0, min(lines, len(l.data[l.body:])/minServer+1))
	return p
}

func (p *bodyParser) line(line string, ended bool) {
	p.number++
	switch {
	case !ended:
		p.skip("entry-malformed", errors.New("is the last one, and does not end with a line feed"))
	case len(line) > p.most:
		p.skip("entry-too-large", fmt.Errorf("is larger than %d bytes", p.most))
	default:
		reported, strings, members := len(p.list.Skipped), p.memory.strings.used, p.memory.members.used
		if err := p.entry(line); err != nil {
			p.memory.strings.forget(strings)
			p.memory.members.forget(members)
			p.list.Skipped = p.list.Skipped[:reported] // what it lost is lost with it
			p.skip(reason(err), err)
		}
	}
}

func (p *bodyParser) server(line string) error {
	// Read in place, because an entry is large and most are good; it counts
	// once the slice includes it.
	n := len(p.list.Servers)
	s := &p.list.Servers[:n+1][n]
	err := s.read(line, &p.memory, p.drop)
	if err == nil {
		err = p.first(s.ID)
	}
	if err != nil {
		*s = Server{}
		return err
	}
	p.list.Servers = p.list.Servers[:n+1]
	p.elements += s.elements()
	return nil
}

func (p *bodyParser) mirror(line string) error {
	m, err := readMirror(line, &p.memory, p.drop)
	if err != nil {
		return err
	}
	if err := p.first(m.ID); err != nil {
		return err
	}
	p.list.Mirrors = append(p.list.Mirrors, *m)
	p.elements += m.elements()
	return nil
}

// errRepeated marks an entry whose id another line had before it.
var errRepeated = errors.New("stands on an earlier line; the first one counts")

// first tells whether the id is new. Writers order entries by id, so the map
// is made only for a body that is out of order.
func (p *bodyParser) first(id string) error {
	if p.ids == nil && id > p.last {
		p.last = id
		return nil
	}
	if p.ids == nil {
		p.ids = make(map[string]bool, p.lines)
		for i := range p.list.Servers {
			p.ids[p.list.Servers[i].ID] = true
		}
		for i := range p.list.Mirrors {
			p.ids[p.list.Mirrors[i].ID] = true
		}
	}
	if p.ids[id] {
		return fmt.Errorf("the id %q %w", id, errRepeated)
	}
	p.ids[id] = true
	return nil
}

// reason names an error of an entry as SPEC.md does.
func reason(err error) string {
	var f *FieldError
	switch {
	case errors.Is(err, errRepeated):
		return "entry-repeated"
	case errors.Is(err, errUnknown):
		return "entry-unknown"
	case errors.As(err, &f):
		return "entry-member"
	}
	return "entry-malformed"
}

func (p *bodyParser) skip(name string, err error) {
	if p.full() {
		return
	}
	p.report(&keys.Error{Layer: keys.LayerEntry, Name: name, Line: p.number, Detail: "entry skipped: " + detail(err)})
}

// dropMember reports a wrong optional member and goes on without it.
func (p *bodyParser) dropMember(e *FieldError) error {
	if p.full() {
		return nil
	}
	p.report(&keys.Error{Layer: keys.LayerEntry, Name: "member-dropped", Line: p.number, Detail: "member dropped: " + detail(e)})
	return nil
}

func detail(err error) string {
	var f *FieldError
	if errors.As(err, &f) || errors.Is(err, errRepeated) {
		return err.Error()
	}
	return "the line " + err.Error()
}

// full tells whether there are so many reports that one more changes nothing.
func (p *bodyParser) full() bool { return len(p.list.Skipped) > maxReports }

func (p *bodyParser) report(e *keys.Error) {
	if len(p.list.Skipped) == maxReports {
		e = &keys.Error{Layer: keys.LayerEntry, Name: "reports-cut", Detail: "there are more; they are not listed"}
	}
	p.list.Skipped = append(p.list.Skipped, e)
}
