package serverlist

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// A Member is a JSON member this version does not know: its name and the bytes
// of its value, kept as they came.
type Member struct {
	Name  string
	Value string // valid JSON without spaces outside strings
}

// Check tells whether readers accept the entry with all its members. Where a
// member is to blame the error is a [*FieldError] that names the first one.
func (s *Server) Check() error {
	if err := field("id", CheckID(s.ID)); err != nil {
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

// dropped receives a wrong optional member. It returns an error to refuse the
// whole entry for it.
type dropped func(*FieldError) error

func strictly(e *FieldError) error { return e }

// readServer reads one line. The error says why the entry is skipped.
func readServer(line string, drop dropped) (*Server, error) {
	s := new(Server)
	if err := s.read(line, drop); err != nil {
		return nil, err
	}
	return s, nil
}

// read fills an empty entry.
func (s *Server) read(line string, drop dropped) error {
	if err := readEntry(line, s, drop); err != nil {
		return err
	}
	switch {
	case s.ID == "":
		return &FieldError{"id", "is missing"}
	case s.Name == "":
		return &FieldError{"name", "is missing"}
	case len(s.Addresses) == 0:
		return &FieldError{"addresses", "is missing"}
	}
	return nil
}

func (s *Server) keep(m Member) { s.Unknown = append(s.Unknown, m) }

// set reads a known member. A wrong one leaves the entry as it was.
func (s *Server) set(name string, v value) (known, required bool, err error) {
	switch name {
	case "id":
		return true, true, v.asString(&s.ID, CheckID)
	case "name":
		return true, true, v.asString(&s.Name, CheckName)
	case "addresses":
		return true, true, v.asNonEmpty(&s.Addresses, maxAddresses, CheckAddress)
	case "description":
		return true, false, v.asString(&s.Description, CheckDescription)
	case "game":
		return true, false, v.asString(&s.Game, CheckSlug)
	case "version":
		return true, false, v.asString(&s.Version, checkText)
	case "key":
		return true, false, v.asString(&s.Key, checkKey)
	case "region":
		return true, false, v.asString(&s.Region, checkText)
	case "languages":
		return true, false, v.asStrings(&s.Languages, maxWords, checkLanguage)
	case "tags":
		return true, false, v.asStrings(&s.Tags, maxWords, checkTag)
	case "website":
		return true, false, v.asString(&s.Website, CheckWebsite)
	case "endpoints":
		return true, false, s.setEndpoints(v)
	case "probe":
		return true, false, s.setProbe(v)
	case "checks":
		return true, false, s.setChecks(v)
	}
	return false, false, nil
}

func checkText(s string) error { return CheckText(s, MaxText) }

// An entry takes the members of one line.
type entry interface {
	set(name string, v value) (known, required bool, err error)
	keep(unknown Member)
}

// readEntry reads a whole line as one object, member by member.
func readEntry[E entry](line string, e E, drop dropped) error {
	p := scanner{s: line}
	var o objectReader
	for o.next(&p) {
		known, required, err := e.set(o.name, o.value)
		switch {
		case !known:
			e.keep(Member{o.name, o.value.raw})
		case err == nil:
		case required:
			return &FieldError{o.name, err.Error()}
		default:
			if err := drop(&FieldError{o.name, err.Error()}); err != nil {
				return err
			}
		}
	}
	if o.err == nil && p.i != len(line) {
		return errSyntax
	}
	return o.err
}

func (v value) asNonEmpty(into *[]string, most int, check func(string) error) error {
	if v.raw == "[]" {
		return fmt.Errorf("must not be empty")
	}
	return v.asStrings(into, most, check)
}

func (s *Server) setEndpoints(v value) error {
	if v.kind != kindArray {
		return errArray
	}
	p := scanner{s: v.raw}
	var a arrayReader
	var out []Endpoint
	for a.next(&p) {
		if len(out) == maxEndpoints {
			return fmt.Errorf("has more than %d elements", maxEndpoints)
		}
		var e Endpoint
		if err := e.read(a.value); err != nil {
			return fmt.Errorf("element %d: %w", len(out), err)
		}
		out = append(out, e)
	}
	s.Endpoints = out
	return a.err
}

func (e *Endpoint) read(v value) error {
	err := v.asObject(func(name string, v value) error {
		switch name {
		case "role":
			return field(name, v.asString(&e.Role, CheckSlug))
		case "protocol":
			return field(name, v.asString(&e.Protocol, CheckSlug))
		case "address":
			return field(name, v.asString(&e.Address, CheckAddress))
		}
		return nil
	})
	if err == nil && (e.Role == "" || e.Protocol == "" || e.Address == "") {
		return fmt.Errorf("needs role, protocol and address")
	}
	return err
}

func (s *Server) setProbe(v value) error {
	var p Probe
	var port int64
	err := v.asObject(func(name string, v value) error {
		switch name {
		case "protocol":
			return field(name, v.asString(&p.Protocol, CheckSlug))
		case "port":
			return field(name, v.asInteger(&port, 1, 65535))
		}
		return nil
	})
	if err == nil && p.Protocol == "" {
		err = fmt.Errorf("needs a protocol")
	}
	if err != nil {
		return err
	}
	p.Port = int(port)
	s.Probe = &p
	return nil
}

func (s *Server) setChecks(v value) error {
	var c Checks
	sized := false
	err := v.asObject(func(name string, v value) error {
		switch name {
		case "name":
			return field(name, v.asString(&c.Name, checkTag))
		case "sha256":
			return field(name, v.asString(&c.SHA256, checkSHA256))
		case "size":
			sized = true
			return field(name, v.asInteger(&c.Size, 0, maxInteger))
		}
		return nil
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
