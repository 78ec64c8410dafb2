package store

import (
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// NormalAddress returns the form in which addresses ("host:port") are
// compared: lower case without a final dot, IP addresses in their shortest
// spelling, IPv4 inside IPv6 as IPv4. It resolves nothing.
func NormalAddress(address string) string {
	i := strings.LastIndexByte(address, ':')
	if i < 0 {
		return strings.ToLower(address)
	}
	host, port := address[:i], address[i+1:]
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		port = strconv.FormatUint(n, 10)
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		if ip = ip.Unmap(); ip.Is6() {
			return "[" + ip.String() + "]:" + port
		}
		return ip.String() + ":" + port
	}
	return strings.ToLower(strings.TrimSuffix(host, ".")) + ":" + port
}

// normalAddresses returns the set of a server's addresses, ordered.
func normalAddresses(addresses []string) []string {
	set := make([]string, len(addresses))
	for i, a := range addresses {
		set[i] = NormalAddress(a)
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// normalName returns the form in which names are compared: wide, small and
// other variants of a letter are that letter, case is folded, spaces count
// once, and what cannot be seen does not count at all. That includes the
// joiners and selectors that a name may have: where a font does not know them,
// they make no difference to the eye.
func normalName(name string) string {
	folded := cases.Fold().String(norm.NFKC.String(visible(name)))
	return strings.Join(strings.Fields(norm.NFKC.String(folded)), " ")
}

// visible removes the characters that cannot be seen.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if keys.IsInvisible(r) {
			return -1
		}
		return r
	}, s)
}

// normalEmail returns the form in which e-mail addresses are compared. The
// part before the "@" may be case-sensitive by the standard and is nowhere in
// practice.
func normalEmail(email string) string {
	return strings.ToLower(norm.NFC.String(strings.TrimSpace(email)))
}

// normalKey returns the form in which keys are compared. Base64 with other
// spare bits is another spelling of the same key.
func normalKey(key string) string {
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return key
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// identity says whose request for which server it is: equal for equal games,
// sets of addresses and e-mail addresses.
func identity(s *serverlist.Server, email string) []byte {
	parts := append([]string{s.Game, normalEmail(email)}, normalAddresses(s.Addresses)...)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n"))) // no part can contain LF
	return sum[:]
}

// sourceGroup returns what the limit per source counts. Whoever has one IPv6
// address has a /64 of them.
func sourceGroup(source netip.Addr) string {
	source = source.Unmap()
	if source.Is6() {
		return prefixText(source, 64)
	}
	return source.String()
}

// sourceNetwork returns what the larger limit counts: what one customer of a
// provider may have. An IPv6 /48 holds 65536 of the smaller sources.
func sourceNetwork(source netip.Addr) string {
	source = source.Unmap()
	if source.Is6() {
		return prefixText(source, 48)
	}
	return prefixText(source, 24)
}

func prefixText(a netip.Addr, bits int) string {
	p, _ := a.WithZone("").Prefix(bits) // fails for no address only
	return p.String()
}

// maxSlug leaves room for a number within the 64 bytes of an id.
const maxSlug = 50

// slug makes an entry's id from its name: ASCII letters and digits, the rest
// as single "-". Accents are dropped, so that "Café" becomes "cafe".
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(norm.NFKD.String(visible(name))) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r): // the accent of the letter before it
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == maxSlug {
			break
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "server"
}
