package serverlist

import "strconv"

// This file writes the canonical form of entries.

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
