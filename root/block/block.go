// Package block tells requests that admins do not want from others.
//
// # What a block is
//
//   - A network: addresses, as "192.0.2.7" or "2001:db8::/48". It blocks requests
//     that come from there, and those that name an address there.
//   - A domain: a name and all names below it, as "spam.example". It blocks
//     requests whose hosts, website or e-mail address are there.
//   - A pattern of texts, in which "*" stands for any characters and "?" for
//     one, without regard to case and width. It has to fit the whole text:
//     "*casino*" finds the word anywhere. "name:", "description:", "email:" or
//     "url:" before it says which text; otherwise any of them will do.
//
// Requests of mirrors are judged as those of servers are: the hosts of a mirror are
// those of its URLs, its names are its id and its operator, and its region and
// contact are what it says of itself, as a description does.
//
// Networks and domains are looked up, so that ten thousand cost no more than
// ten. Patterns are compared one by one; there are few of them.
package block

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Bounds of a block.
const (
	maxPattern = 200 // code points
	minLiteral = 3   // characters of a pattern that are no wildcards
	minBits4   = 8   // the widest network, as bits of its prefix
	minBits6   = 16
)

// fields are the texts that a pattern may be about.
var fields = []string{"name", "description", "email", "url"}

// Parse finds out what kind of block a text is, if kind is empty, and returns
// the block with its value in normal form. Errors say what to write.
func Parse(kind store.BlockKind, text string) (store.Block, error) {
	text = strings.TrimSpace(text)
	if kind == "" {
		kind = kindOf(text)
	}
	value, err := "", error(nil)
	switch kind {
	case store.BlockNetwork:
		value, err = parseNetwork(text)
	case store.BlockDomain:
		value, err = parseDomain(text)
	case store.BlockPattern:
		value, err = parsePattern(text)
	default:
		err = fmt.Errorf("%q is no kind of block; there are network, domain and pattern", kind)
	}
	return store.Block{Kind: kind, Value: value}, err
}

// kindOf guesses the kind of block that a text is meant to be.
func kindOf(text string) store.BlockKind {
	field, _, prefixed := strings.Cut(text, ":")
	if prefixed && isField(field) || strings.Contains(text, "://") {
		return store.BlockPattern
	}
	if _, err := netip.ParseAddr(text); err == nil || strings.Contains(text, "/") {
		return store.BlockNetwork
	}
	if strings.ContainsAny(text, "*?@ ") {
		return store.BlockPattern
	}
	return store.BlockDomain
}

func isField(s string) bool { return slices.Contains(fields, s) }

func parseNetwork(text string) (string, error) {
	p, err := netip.ParsePrefix(text)
	if ip, e := netip.ParseAddr(text); e == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		p, err = ip.Prefix(ip.BitLen())
	}
	if err != nil || p.Addr().Is4In6() {
		return "", fmt.Errorf("%q is no address and no network; write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/48", text)
	}
	least := minBits4
	if p.Addr().Is6() {
		least = minBits6
	}
	if p.Bits() < least {
		return "", fmt.Errorf("%s is too much of the world: a network has at least %d bits", p, least)
	}
	return p.Masked().String(), nil
}

func parseDomain(text string) (string, error) {
	name := normalDomain(strings.TrimPrefix(text, "*."))
	if err := serverlist.CheckAddress(name + ":1"); err != nil {
		return "", fmt.Errorf("%q is no domain; write example.org for it and all names below it", text)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "", fmt.Errorf("%q is an address; block it as a network", text)
	}
	return name, nil
}

func normalDomain(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

func parsePattern(text string) (string, error) {
	if err := serverlist.CheckText(text, maxPattern); err != nil {
		return "", fmt.Errorf("the pattern %w", err)
	}
	field, glob, ok := strings.Cut(text, ":")
	if !ok || !isField(field) {
		field, glob = "", text
	}
	glob = folded(glob)
	for strings.Contains(glob, "**") {
		glob = strings.ReplaceAll(glob, "**", "*")
	}
	if literal := len([]rune(strings.NewReplacer("*", "", "?", "", " ", "").Replace(glob))); literal < minLiteral {
		return "", fmt.Errorf("%q would fit too much: a pattern has at least %d characters that are no wildcards", text, minLiteral)
	}
	if field != "" {
		return field + ":" + glob, nil
	}
	return glob, nil
}

// folded is the form in which texts are compared.
func folded(s string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFKC.String(s)))
}

// fits tells whether a text is what a pattern says. Where a "*" took too little,
// only the last one is tried again, so that no pattern takes long.
func fits(glob, text []rune) bool {
	g, t, star, retry := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, retry = g, t
			g++
		case g < len(glob) && (glob[g] == '?' || glob[g] == text[t]):
			g++
			t++
		case star >= 0:
			retry++
			g, t = star+1, retry
		default:
			return false
		}
	}
	for g < len(glob) && glob[g] == '*' {
		g++
	}
	return g == len(glob)
}
