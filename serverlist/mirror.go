package serverlist

// A Mirror is one entry of a mirror list. ID and URLs are always present.
type Mirror struct {
	ID       string   // stable, [a-z0-9-]{1,64}
	Operator string   // who runs it; hedging counts operators, not entries
	Region   string   // where it stands
	Contact  string   // public contact of the operator
	URLs     []string // a URL that ends in "/" is the folder of all documents, any other is the server list
	Root     bool     // the entry is the root itself
	Unknown  []Member // members this version does not know, in their order
}

// Check tells whether readers accept the entry with all its members, and read
// back what stands in it. Where a member is to blame the error is a
// [*FieldError] that names the first one.
func (m *Mirror) Check() error {
	if err := checkUnknown(m.Unknown, new(Mirror)); err != nil {
		return err
	}
	_, err := readMirror(string(m.appendJSON(nil)), new(memory), strictly)
	return err
}

// MarshalJSON returns the entry in canonical form. It refuses what readers
// would refuse.
func (m Mirror) MarshalJSON() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	return m.appendJSON(nil), nil
}

// UnmarshalJSON reads one entry. Unlike the reader of lists, which drops a
// wrong optional member, it refuses the entry; it allows spaces.
func (m *Mirror) UnmarshalJSON(data []byte) error {
	line, err := compact(data)
	if err != nil {
		return err
	}
	read, err := readMirror(line, new(memory), strictly)
	if err != nil {
		return err
	}
	*m = *read
	return nil
}

// readMirror reads one line. The error says why the entry is skipped.
func readMirror(line string, in *memory, drop dropped) (*Mirror, error) {
	m := new(Mirror)
	if err := readEntry(line, m, in, drop); err != nil {
		return nil, err
	}
	switch {
	case m.ID == "":
		return nil, &FieldError{"id", "is missing"}
	case len(m.URLs) == 0:
		return nil, &FieldError{"urls", "is missing or empty"}
	}
	return m, nil
}

// elements counts what stands in the entry's lists, as MaxElements does.
func (m *Mirror) elements() int { return len(m.URLs) + len(m.Unknown) }

func (m *Mirror) keep(unknown []Member) { m.Unknown = unknown }

func (m *Mirror) set(name string, p *scanner) (known, required bool, err error) {
	switch name {
	case "id":
		return true, true, p.asString(&m.ID, CheckID)
	case "urls":
		return true, true, p.asStrings(&m.URLs, maxMirrorURLs, CheckMirrorURL)
	case "operator":
		return true, false, p.asText(&m.Operator, MaxText)
	case "region":
		return true, false, p.asText(&m.Region, MaxText)
	case "contact":
		return true, false, p.asText(&m.Contact, MaxDescription)
	case "root":
		return true, false, p.asBool(&m.Root)
	}
	return false, false, nil
}

// appendJSON writes the canonical form without checking it.
func (m *Mirror) appendJSON(b []byte) []byte {
	w := objectWriter{append(b, '{')}
	w.text("id", m.ID)
	w.text("operator", m.Operator)
	w.text("region", m.Region)
	w.text("contact", m.Contact)
	w.texts("urls", m.URLs)
	if m.Root {
		w.name("root")
		w.b = append(w.b, "true"...)
	}
	w.members(m.Unknown)
	return append(w.b, '}')
}
