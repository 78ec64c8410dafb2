package serverlist

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/keys"
)

// Caps of the format, in bytes. Readers refuse more; the root refuses to sign
// more.
const (
	MaxServerListBody = 64 << 20
	MaxMirrorListBody = 1 << 20
	MaxEntry          = 8 << 10
)

// maxReports bounds List.Skipped: a list made of errors must not cost more
// memory than a good one.
const maxReports = 1000

// Limits are the sizes, in bytes, above which a document is refused before it
// is read. A zero field means the cap of the format. Callers may ask for less,
// never for more.
type Limits struct {
	Body  int64 // of a body; format: 64 MiB for server lists, 1 MiB for mirror lists
	Entry int   // of one line of a body without its LF; format: 8 KiB
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

func (l Limits) entry() int {
	if l.Entry > 0 && l.Entry < MaxEntry {
		return l.Entry
	}
	return MaxEntry
}

// parseBody fills the list with the entries of its verified body.
func (l *List) parseBody(limits Limits) {
	text := string(l.data[l.body:])
	p := bodyParser{list: l, most: limits.entry()}
	if l.Head.Type == TypeMirrorList {
		p.entry = p.mirror
	} else {
		p.entry = p.server
		// One allocation for what an honest body holds; a body of
		// thousands of tiny lines grows the slice as it goes.
		l.Servers = make([]Server, 0, min(strings.Count(text, "\n"), len(text)/64+1))
	}
	for text != "" {
		line, rest, ended := strings.Cut(text, "\n")
		p.line(line, ended)
		text = rest
	}
}

// A bodyParser reads the lines of one body. A bad line is skipped and
// reported; it never costs the list.
type bodyParser struct {
	list   *List
	most   int // bytes of a line
	number int // of the line, from 1
	entry  func(line string) error
	last   string          // highest id so far, while ids ascend
	ids    map[string]bool // all ids, once they do not ascend
}

func (p *bodyParser) line(line string, ended bool) {
	p.number++
	switch {
	case !ended:
		p.skip("entry-malformed", errors.New("the last line does not end with a line feed"))
	case len(line) > p.most:
		p.skip("entry-too-large", fmt.Errorf("the line is larger than %d bytes", p.most))
	default:
		reported := len(p.list.Skipped)
		if err := p.entry(line); err != nil {
			p.list.Skipped = p.list.Skipped[:reported] // what it lost is lost with it
			p.skip(reason(err), err)
		}
	}
}

func (p *bodyParser) server(line string) error {
	// Read in place, because an entry is large and most are good; it counts
	// once the slice includes it.
	n := len(p.list.Servers)
	grown := append(p.list.Servers, Server{})
	p.list.Servers = grown[:n]
	s := &grown[n]
	if err := s.read(line, p.drop); err != nil {
		return err
	}
	if err := p.first(s.ID); err != nil {
		return err
	}
	p.list.Servers = grown
	return nil
}

func (p *bodyParser) mirror(line string) error {
	m, err := readMirror(line, p.drop)
	if err != nil {
		return err
	}
	if err := p.first(m.ID); err != nil {
		return err
	}
	p.list.Mirrors = append(p.list.Mirrors, *m)
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
		p.ids = make(map[string]bool)
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
	case errors.As(err, &f):
		return "entry-member"
	}
	return "entry-malformed"
}

func (p *bodyParser) skip(name string, err error) {
	p.report(&keys.Error{Layer: keys.LayerEntry, Name: name, Line: p.number, Detail: "entry skipped: " + detail(err)})
}

// drop reports a wrong optional member and goes on without it.
func (p *bodyParser) drop(e *FieldError) error {
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

func (p *bodyParser) report(e *keys.Error) {
	switch n := len(p.list.Skipped); {
	case n < maxReports:
		p.list.Skipped = append(p.list.Skipped, e)
	case n == maxReports:
		p.list.Skipped = append(p.list.Skipped, &keys.Error{Layer: keys.LayerEntry, Name: "reports-cut", Detail: "there are more; they are not listed"})
	}
}

// EncodeServers returns the canonical body of a server list: one line an
// entry, ordered by id. It refuses what readers would refuse, and names the
// entry and the member. It does not change the argument.
func EncodeServers(servers []Server) ([]byte, error) {
	sorted := slices.Clone(servers)
	slices.SortFunc(sorted, func(a, b Server) int { return strings.Compare(a.ID, b.ID) })
	e := bodyEncoder{most: MaxServerListBody}
	for i := range sorted {
		s := &sorted[i]
		if err := e.add(s.ID, s.Check, s.appendJSON); err != nil {
			return nil, err
		}
	}
	return e.finish()
}

// EncodeMirrors returns the canonical body of a mirror list. See
// [EncodeServers].
func EncodeMirrors(mirrors []Mirror) ([]byte, error) {
	sorted := slices.Clone(mirrors)
	slices.SortFunc(sorted, func(a, b Mirror) int { return strings.Compare(a.ID, b.ID) })
	e := bodyEncoder{most: MaxMirrorListBody}
	for i := range sorted {
		m := &sorted[i]
		if err := e.add(m.ID, m.Check, m.appendJSON); err != nil {
			return nil, err
		}
	}
	return e.finish()
}

type bodyEncoder struct {
	body []byte
	last string
	most int
}

func (e *bodyEncoder) add(id string, check func() error, appendJSON func([]byte) []byte) error {
	if err := check(); err != nil {
		return fmt.Errorf("entry %q: %w", clip(id), err)
	}
	if len(e.body) > 0 && id == e.last {
		return fmt.Errorf("entry %q stands twice", id)
	}
	e.last = id
	start := len(e.body)
	e.body = appendJSON(e.body)
	if n := len(e.body) - start; n > MaxEntry {
		return fmt.Errorf("entry %q has %d bytes, more than %d", id, n, MaxEntry)
	}
	e.body = append(e.body, '\n')
	return nil
}

func (e *bodyEncoder) finish() ([]byte, error) {
	if len(e.body) > e.most {
		return nil, fmt.Errorf("the body has %d bytes, more than %d", len(e.body), e.most)
	}
	return e.body, nil
}
