package store

import (
	"cmp"
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// ReviewStore is the part of a [Store] that reviewing needs beside the decisions.
type ReviewStore interface {
	FindingStore
	BulkStore
	BlockStore
	SuspendStore
	NoteStore
	EntryStore
	AliveStore
	ReportStore
}

// FindingStore is the part of a [Store] that keeps what the root has found out
// about requests, so that an admin need not ask the network again.
type FindingStore interface {
	// Unlooked returns pending registrations that the root has not looked at
	// since they changed last, oldest first, at most limit.
	Unlooked(ctx context.Context, limit int) ([]Registration, error)

	// RecordFindings stores what was found, all or nothing, in place of what was
	// found before. What is about a registration that is decided by now, or has
	// changed, is left out. The addresses that host names lead to are compared
	// with those of others from then on.
	RecordFindings(ctx context.Context, all []Findings) error

	// History returns what else is known of who sent a registration, or of its
	// addresses: other registrations, newest first, at most limit.
	// [ErrNotFound].
	History(ctx context.Context, id string, limit int) ([]Past, error)
}

// Findings are what a look at the server of a registration has shown. The
// texts in it came from DNS and from the server.
type Findings struct {
	Registration string        `json:"-"`
	Revision     int           `json:"-"` // that was looked at
	At           time.Time     `json:"at"`
	Hosts        []HostFinding `json:"hosts,omitempty"` // of its addresses, each once
	Source       HostFinding   `json:"source"`          // of the request
	Probe        ProbeFinding  `json:"probe"`
}

// A HostFinding is what DNS says about a host.
type HostFinding struct {
	Host      string       `json:"host"` // a name, or an IP address
	Addresses []netip.Addr `json:"addresses,omitempty"`
	Names     []string     `json:"names,omitempty"` // of the addresses, by reverse DNS
	Error     string       `json:"error,omitempty"` // why there is no answer
}

// A ProbeFinding is what came of asking the server itself.
type ProbeFinding struct {
	State    string  `json:"state"`              // as that of package probe: online, offline, unprobed
	Protocol string  `json:"protocol,omitempty"` // that was spoken; "tcp": only a connection was tried
	Address  string  `json:"address,omitempty"`  // that was asked
	RTT      float64 `json:"rtt,omitempty"`      // milliseconds
	Software string  `json:"software,omitempty"` // what the server calls itself
	Error    string  `json:"error,omitempty"`
}

// A Past is another registration of the same people or of the same address.
type Past struct {
	Registration
	Because []ConflictKind // what they have in common: SameEmail, SameSource, SameAddress
}

// What registrations of one requester have in common, beside the kinds of
// conflicts.
const (
	SameEmail  ConflictKind = "e-mail"
	SameSource ConflictKind = "source" // the same address, or IPv6 /64
)

func (s *sqlStore) Unlooked(ctx context.Context, limit int) ([]Registration, error) {
	rows, err := s.r.QueryContext(ctx, selectRegistration+
		" WHERE r.status = 'pending' AND r.looked < r.revision ORDER BY r.id LIMIT $1", limit)
	return readRows(rows, err, readRegistration)
}

func (s *sqlStore) RecordFindings(ctx context.Context, all []Findings) error {
	return s.w.do(ctx, func(t *tx) error {
		for _, f := range all {
			if err := t.recordFindings(f); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) recordFindings(f Findings) error {
	number, err := parseID(f.Registration)
	if err != nil {
		return err
	}
	n, err := t.exec("UPDATE registrations SET looked = revision WHERE id = $1 AND status = 'pending' AND revision = $2", number, f.Revision)
	if err != nil || n == 0 {
		return err
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO findings (registration, findings) VALUES ($1, $2)
		ON CONFLICT (registration) DO UPDATE SET findings = excluded.findings`, number, string(text))
	if err != nil {
		return err
	}
	r, err := t.registration(number)
	if err != nil {
		return err
	}
	if err := t.claimFor(number, &r.Server); err != nil {
		return err
	}
	for _, address := range resolved(r.Server.Addresses, f.Hosts) {
		_, err := t.exec("INSERT INTO registration_claims (kind, value, registration) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", SameAddress, address, number)
		if err != nil {
			return err
		}
	}
	return nil
}

// resolved returns the addresses with their host names replaced by what those
// lead to, in the form of [NormalAddress].
func resolved(addresses []string, hosts []HostFinding) []string {
	var out []string
	for _, a := range addresses {
		i := strings.LastIndexByte(a, ':')
		for _, h := range hosts {
			if i < 0 || !strings.EqualFold(h.Host, a[:i]) {
				continue
			}
			for _, ip := range h.Addresses {
				out = append(out, NormalAddress(net.JoinHostPort(ip.String(), a[i+1:])))
			}
		}
	}
	return out
}

// readFindings returns what was found about the registrations from first to
// last, by id.
func (s *sqlStore) readFindings(ctx context.Context, first, last int64) (map[string]*Findings, error) {
	rows, err := s.r.QueryContext(ctx, "SELECT registration, findings FROM findings WHERE registration BETWEEN $1 AND $2", first, last)
	all := make(map[string]*Findings)
	_, err = readRows(rows, err, func(row scanner) (none struct{}, err error) {
		var id int64
		var text string
		if err := row.Scan(&id, &text); err != nil {
			return none, err
		}
		f := new(Findings)
		all[formatID(id)] = f
		return none, json.Unmarshal([]byte(text), f)
	})
	return all, err
}

func (s *sqlStore) History(ctx context.Context, id string, limit int) ([]Past, error) {
	number, err := parseID(id)
	if err != nil {
		return nil, err
	}
	if _, err := s.Review(ctx, id); err != nil {
		return nil, err
	}
	var all []Past
	for _, same := range []struct {
		kind ConflictKind
		ids  string
	}{
		{SameEmail, "SELECT id FROM registrations WHERE lower(email) = (SELECT lower(email) FROM registrations WHERE id = $1 AND email <> '')"},
		{SameSource, "SELECT id FROM registrations WHERE source_group = (SELECT source_group FROM registrations WHERE id = $1 AND source <> '')"},
		{SameAddress, `SELECT registration FROM past_addresses WHERE value IN (
			SELECT value FROM registration_claims WHERE registration = $1 AND kind || '' = 'address'
			UNION SELECT value FROM past_addresses WHERE registration = $1)`},
	} {
		rows, err := s.r.QueryContext(ctx, selectRegistration+" WHERE r.id <> $1 AND r.id IN ("+same.ids+") ORDER BY r.id DESC LIMIT $2", number, limit)
		found, err := readRows(rows, err, readRegistration)
		if err != nil {
			return nil, err
		}
		all = addPast(all, found, same.kind)
	}
	return newestFirst(all, limit), nil
}

// addPast adds what is related in one more way.
func addPast(all []Past, found []Registration, because ConflictKind) []Past {
	for _, r := range found {
		i := slices.IndexFunc(all, func(p Past) bool { return p.ID == r.ID })
		if i < 0 {
			all = append(all, Past{Registration: r})
			i = len(all) - 1
		}
		all[i].Because = append(all[i].Because, because)
	}
	return all
}

func newestFirst(all []Past, limit int) []Past {
	slices.SortFunc(all, func(a, b Past) int {
		newer, _ := parseID(b.ID)
		older, _ := parseID(a.ID)
		return cmp.Compare(newer, older)
	})
	return all[:min(len(all), limit)]
}
