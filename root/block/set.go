package block

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A Set is blocks made ready to be asked. It is never changed, so that any
// number of goroutines may ask.
type Set struct {
	networks map[netip.Prefix]*store.Block
	lengths  []length // that the networks have, longest first
	domains  map[string]*store.Block
	patterns []pattern
}

// A length is that of a prefix of an IPv4 or IPv6 network.
type length struct {
	bits int
	six  bool
}

type pattern struct {
	field   string // "": any
	glob    []rune
	literal string // the longest part of it without wildcards: most texts lack it
	block   *store.Block
}

// NewSet returns the set of blocks. Those with a value that cannot be read, as
// of a newer program, are left out.
func NewSet(blocks []store.Block) *Set {
	s := &Set{networks: make(map[netip.Prefix]*store.Block), domains: make(map[string]*store.Block)}
	for _, b := range blocks {
		s.add(&b)
	}
	slices.SortFunc(s.lengths, func(a, b length) int { return cmp.Compare(b.bits, a.bits) })
	return s
}

func (s *Set) add(b *store.Block) {
	switch b.Kind {
	case store.BlockNetwork:
		if p, err := netip.ParsePrefix(b.Value); err == nil {
			s.networks[p] = b
			if l := (length{p.Bits(), p.Addr().Is6()}); !slices.Contains(s.lengths, l) {
				s.lengths = append(s.lengths, l)
			}
		}
	case store.BlockDomain:
		s.domains[b.Value] = b
	case store.BlockPattern:
		field, glob, ok := strings.Cut(b.Value, ":")
		if !ok || !isField(field) {
			field, glob = "", b.Value
		}
		s.patterns = append(s.patterns, pattern{field, []rune(glob), longestLiteral(glob), b})
	}
}

func longestLiteral(glob string) (longest string) {
	for _, part := range strings.FieldsFunc(glob, func(r rune) bool { return r == '*' || r == '?' }) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}

// A Subject is what a request has to be judged by. Members may be empty.
type Subject struct {
	Sources []netip.Addr // where it came from
	Places  []netip.Addr // that its host names lead to, as far as is known
	Server  serverlist.Server
	Mirror  serverlist.Mirror
	Email   string
}

// Match returns the first block that a request runs into at a time; nil: none.
func (s *Set) Match(r Subject, now time.Time) *store.Block {
	holds := func(b *store.Block) bool { return b != nil && (b.Ends.IsZero() || now.Before(b.Ends)) }
	for _, ip := range slices.Concat(r.Sources, r.Places) {
		if b := s.network(ip, holds); b != nil {
			return b
		}
	}
	for _, host := range hostsOf(&r) {
		b := s.domain(host, holds)
		if ip, err := netip.ParseAddr(host); err == nil {
			b = s.network(ip, holds)
		}
		if b != nil {
			return b
		}
	}
	return s.pattern(&r, holds)
}

// network looks an address up under each length that a network has.
func (s *Set) network(ip netip.Addr, holds func(*store.Block) bool) *store.Block {
	ip = ip.Unmap().WithZone("")
	for _, l := range s.lengths {
		if l.six != ip.Is6() || !ip.IsValid() {
			continue
		}
		p, err := ip.Prefix(l.bits)
		if err != nil {
			continue
		}
		if b := s.networks[p]; holds(b) {
			return b
		}
	}
	return nil
}

// domain looks up a name and all names that it is below.
func (s *Set) domain(host string, holds func(*store.Block) bool) *store.Block {
	for name := host; name != ""; {
		if b := s.domains[name]; holds(b) {
			return b
		}
		_, name, _ = strings.Cut(name, ".")
	}
	return nil
}

func (s *Set) pattern(r *Subject, holds func(*store.Block) bool) *store.Block {
	if len(s.patterns) == 0 {
		return nil
	}
	texts := textsOf(r)
	for _, p := range s.patterns {
		for _, t := range texts {
			if (p.field == "" || p.field == t.field) && strings.Contains(t.text, p.literal) &&
				fits(p.glob, []rune(t.text)) && holds(p.block) {
				return p.block
			}
		}
	}
	return nil
}

// A text is what a pattern may fit.
type text struct{ field, text string }

// textsOf returns the texts of a request, folded.
func textsOf(r *Subject) (all []text) {
	add := func(field string, texts ...string) {
		for _, t := range texts {
			if t != "" {
				all = append(all, text{field, folded(t)})
			}
		}
	}
	add("name", r.Server.Name, r.Mirror.ID, r.Mirror.Operator)
	add("description", r.Server.Description, r.Mirror.Region, r.Mirror.Contact)
	add("email", r.Email)
	add("url", r.Server.Website)
	add("url", r.Mirror.URLs...)
	return all
}

// hostsOf returns the hosts that a request names.
func hostsOf(r *Subject) []string {
	var hosts []string
	add := func(host string) {
		if host = normalDomain(host); host != "" {
			hosts = append(hosts, host)
		}
	}
	addresses := slices.Clone(r.Server.Addresses)
	for _, e := range r.Server.Endpoints {
		addresses = append(addresses, e.Address)
	}
	for _, a := range addresses {
		if host, _, err := net.SplitHostPort(a); err == nil {
			add(host)
		}
	}
	for _, raw := range append([]string{r.Server.Website}, r.Mirror.URLs...) {
		if u, err := url.Parse(raw); err == nil {
			add(u.Hostname())
		}
	}
	if i := strings.LastIndexByte(r.Email, '@'); i >= 0 {
		add(r.Email[i+1:])
	}
	return hosts
}
