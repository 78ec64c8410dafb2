package serverlist

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// A Server is one entry of a server list. ID, Name and Addresses are always
// present; every other member may be zero.
type Server struct {
	ID          string     // stable, [a-z0-9-]{1,64}
	Name        string     // at most 80 code points
	Description string     // at most 500 code points
	Game        string     // slug of the game
	Version     string     // the server's version text
	Addresses   []string   // host:port, in order of preference; host is a DNS name, IPv4 or [IPv6]
	Key         string     // the server's own ed25519 public key, base64 of 32 bytes
	Region      string     // where it stands
	Languages   []string   // language tags
	Tags        []string   // free words
	Website     string     // http or https URL
	Endpoints   []Endpoint // further services of the same server
	Probe       *Probe     // how to ask it for live statistics
	Checks      *Checks    // the file checks that a launcher runs before joining
	Unknown     []Member   // members this version does not know, in their order
}

// An Endpoint is a further service of a server, as its chat or voice.
type Endpoint struct {
	Role     string // slug, as "chat"
	Protocol string // slug, as "mumble"
	Address  string // host:port
}

// Probe names the protocol that yields a server's live statistics.
type Probe struct {
	Protocol string // slug, as "crossfire"
	Port     int    // 0: the port of the address
}

// Checks names a document of file checks by content.
type Checks struct {
	Name   string // of the document, as "crossfire-1.75"
	SHA256 string // 64 lower-case hex digits
	Size   int64  // bytes
}

// Check tells whether readers accept the entry with all its members, and read
// back what stands in it. Where a member is to blame the error is a
// [*FieldError] that names the first one.
func (s *Server) Check() error {
	if err := checkUnknown(s.Unknown, new(Server)); err != nil {
		return err
	}
	_, err := readServer(string(s.appendJSON(nil)), strictly)
	return err
}

// MarshalJSON returns the entry in canonical form: members in the order of the
// format, unknown members after them. It refuses what readers would refuse.
func (s Server) MarshalJSON() ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s.appendJSON(nil), nil
}

// UnmarshalJSON reads one entry. Unlike the reader of lists, which drops a
// wrong optional member, it refuses the entry; it allows spaces.
func (s *Server) UnmarshalJSON(data []byte) error {
	line, err := compact(data)
	if err != nil {
		return err
	}
	read, err := readServer(line, strictly)
	if err != nil {
		return err
	}
	*s = *read
	return nil
}

func compact(data []byte) (string, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		return "", err
	}
	return b.String(), nil
}

// readServer reads one line. The error says why the entry is skipped.
func readServer(line string, drop dropped) (*Server, error) {
	s := new(Server)
	if err := s.read(line, new(memory), drop); err != nil {
		return nil, err
	}
	return s, nil
}

// read fills an empty entry.
func (s *Server) read(line string, m *memory, drop dropped) error {
	if err := readEntry(line, s, m, drop); err != nil {
		return err
	}
	switch {
	case s.ID == "":
		return &FieldError{"id", "is missing"}
	case s.Name == "":
		return &FieldError{"name", "is missing or empty"}
	case len(s.Addresses) == 0:
		return &FieldError{"addresses", "is missing or empty"}
	}
	return nil
}

// elements counts what stands in the entry's lists, as MaxElements does.
func (s *Server) elements() int {
	return len(s.Addresses) + len(s.Languages) + len(s.Tags) + len(s.Endpoints) + len(s.Unknown)
}

func (s *Server) keep(unknown []Member) { s.Unknown = unknown }

// set reads the value of a known member. A wrong one leaves the entry as it
// was.
func (s *Server) set(name string, p *scanner) (known, required bool, err error) {
	switch name {
	case "id":
		return true, true, p.asString(&s.ID, CheckID)
	case "name":
		return true, true, p.asText(&s.Name, MaxName)
	case "addresses":
		return true, true, p.asStrings(&s.Addresses, maxAddresses, CheckAddress)
	case "description":
		return true, false, p.asText(&s.Description, MaxDescription)
	case "game":
		return true, false, p.asString(&s.Game, checkSlug)
	case "version":
		return true, false, p.asText(&s.Version, MaxText)
	case "key":
		return true, false, p.asString(&s.Key, checkKey)
	case "region":
		return true, false, p.asText(&s.Region, MaxText)
	case "languages":
		return true, false, p.asStrings(&s.Languages, maxWords, checkLanguage)
	case "tags":
		return true, false, p.asStrings(&s.Tags, maxWords, checkTag)
	case "website":
		return true, false, p.asString(&s.Website, checkURL)
	case "endpoints":
		return true, false, s.setEndpoints(p)
	case "probe":
		return true, false, s.setProbe(p)
	case "checks":
		return true, false, s.setChecks(p)
	}
	return false, false, nil
}

func (s *Server) setEndpoints(p *scanner) error {
	if p.peek() != '[' {
		return errArray
	}
	var a listReader
	out := p.memory.endpoints[:0]
	for a.more(p, '[', ']') {
		if len(out) == maxEndpoints {
			return fmt.Errorf("has more than %d elements", maxEndpoints)
		}
		var e Endpoint
		if err := e.read(p); err != nil {
			return fmt.Errorf("element %d: %w", len(out), err)
		}
		out = append(out, e)
	}
	if a.err != nil {
		return a.err
	}
	p.memory.endpoints = out
	s.Endpoints = slices.Clone(out)
	return nil
}

func (e *Endpoint) read(p *scanner) error {
	err := p.asObject(func(name string) (bool, error) {
		switch name {
		case "role":
			return true, field(name, p.asString(&e.Role, checkSlug))
		case "protocol":
			return true, field(name, p.asString(&e.Protocol, checkSlug))
		case "address":
			return true, field(name, p.asString(&e.Address, CheckAddress))
		}
		return false, nil
	})
	if err == nil && (e.Role == "" || e.Protocol == "" || e.Address == "") {
		return fmt.Errorf("needs role, protocol and address")
	}
	return err
}

func (s *Server) setProbe(p *scanner) error {
	var probe Probe
	var port int64
	err := p.asObject(func(name string) (bool, error) {
		switch name {
		case "protocol":
			return true, field(name, p.asString(&probe.Protocol, checkSlug))
		case "port":
			return true, field(name, p.asInteger(&port, 1, 65535))
		}
		return false, nil
	})
	if err == nil && probe.Protocol == "" {
		err = fmt.Errorf("needs a protocol")
	}
	if err != nil {
		return err
	}
	probe.Port = int(port)
	s.Probe = &probe
	return nil
}

func (s *Server) setChecks(p *scanner) error {
	var c Checks
	sized := false
	err := p.asObject(func(name string) (bool, error) {
		switch name {
		case "name":
			return true, field(name, p.asString(&c.Name, checkTag))
		case "sha256":
			return true, field(name, p.asString(&c.SHA256, checkSHA256))
		case "size":
			sized = true
			return true, field(name, p.asInteger(&c.Size, 0, maxInteger))
		}
		return false, nil
	})
	if err == nil && (c.Name == "" || c.SHA256 == "" || !sized) {
		err = fmt.Errorf("needs name, sha256 and size")
	}
	if err != nil {
		return err
	}
	s.Checks = &c
	return nil
}
