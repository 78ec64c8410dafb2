package serverlist

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// This file writes the canonical form of bodies and entries.

// EncodeServers returns the canonical body of a server list: one line an
// entry, ordered by id. It refuses what readers would refuse, and names the
// entry and the member. It does not change the argument.
func EncodeServers(servers []Server) ([]byte, error) {
	sorted := slices.Clone(servers)
	slices.SortFunc(sorted, func(a, b Server) int { return strings.Compare(a.ID, b.ID) })
	e := bodyEncoder{most: Limits{}.body(TypeServerList)}
	for i := range sorted {
		s := &sorted[i]
		if err := e.add(s.ID, s); err != nil {
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
	e := bodyEncoder{most: Limits{}.body(TypeMirrorList)}
	for i := range sorted {
		m := &sorted[i]
		if err := e.add(m.ID, m); err != nil {
			return nil, err
		}
	}
	return e.finish()
}

type bodyEncoder struct {
	body     []byte
	lines    int
	elements int
	last     string
	most     int64 // bytes of the body
}

func (e *bodyEncoder) add(id string, entry interface {
	Check() error
	appendJSON([]byte) []byte
	elements() int
}) error {
	if err := entry.Check(); err != nil {
		return fmt.Errorf("entry %q: %w", clip(id), err)
	}
	if id == e.last {
		return fmt.Errorf("entry %q stands twice", id)
	}
	e.last = id
	start := len(e.body)
	e.body = entry.appendJSON(e.body)
	if n := len(e.body) - start; n > MaxEntry {
		return fmt.Errorf("entry %q has %d bytes, more than %d", id, n, MaxEntry)
	}
	e.body = append(e.body, '\n')
	e.lines++
	e.elements += entry.elements()
	return nil
}

func (e *bodyEncoder) finish() ([]byte, error) {
	switch {
	case int64(len(e.body)) > e.most:
		return nil, fmt.Errorf("the body has %d bytes, more than %d", len(e.body), e.most)
	case e.lines > MaxLines:
		return nil, tooManyLines(e.lines, MaxLines)
	case e.elements > MaxElements:
		return nil, tooManyElements(MaxElements)
	}
	return e.body, nil
}

// appendJSON writes the canonical form without checking it.
func (s *Server) appendJSON(b []byte) []byte {
	w := objectWriter{append(b, '{')}
	w.text("id", s.ID)
	w.text("name", s.Name)
	w.text("description", s.Description)
	w.text("game", s.Game)
	w.text("version", s.Version)
	w.texts("addresses", s.Addresses)
	w.text("key", s.Key)
	w.text("region", s.Region)
	w.texts("languages", s.Languages)
	w.texts("tags", s.Tags)
	w.text("website", s.Website)
	if len(s.Endpoints) > 0 {
		w.name("endpoints")
		w.b = append(w.b, '[')
		for i, e := range s.Endpoints {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.b = e.appendJSON(w.b)
		}
		w.b = append(w.b, ']')
	}
	if s.Probe != nil {
		w.name("probe")
		w.b = s.Probe.appendJSON(w.b)
	}
	if s.Checks != nil {
		w.name("checks")
		w.b = s.Checks.appendJSON(w.b)
	}
	w.members(s.Unknown)
	return append(w.b, '}')
}

func (e *Endpoint) appendJSON(b []byte) []byte {
	w := objectWriter{append(b, '{')}
	w.text("role", e.Role)
	w.text("protocol", e.Protocol)
	w.text("address", e.Address)
	return append(w.b, '}')
}

func (p *Probe) appendJSON(b []byte) []byte {
	w := objectWriter{append(b, '{')}
	w.text("protocol", p.Protocol)
	if p.Port != 0 {
		w.name("port")
		w.b = strconv.AppendInt(w.b, int64(p.Port), 10)
	}
	return append(w.b, '}')
}

func (c *Checks) appendJSON(b []byte) []byte {
	w := objectWriter{append(b, '{')}
	w.text("name", c.Name)
	w.text("sha256", c.SHA256)
	w.name("size")
	w.b = strconv.AppendInt(w.b, c.Size, 10)
	return append(w.b, '}')
}

// An objectWriter appends the members of one object. Empty texts and lists are
// absent members.
type objectWriter struct{ b []byte }

func (w *objectWriter) name(name string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = appendString(w.b, name)
	w.b = append(w.b, ':')
}

func (w *objectWriter) text(name, s string) {
	if s != "" {
		w.name(name)
		w.b = appendString(w.b, s)
	}
}

func (w *objectWriter) texts(name string, list []string) {
	if len(list) == 0 {
		return
	}
	w.name(name)
	w.b = append(w.b, '[')
	for i, s := range list {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = appendString(w.b, s)
	}
	w.b = append(w.b, ']')
}

func (w *objectWriter) members(list []Member) {
	for _, m := range list {
		w.name(m.Name)
		w.b = append(w.b, m.Value...)
	}
}

// appendString writes s with the fewest escapes that JSON allows.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
