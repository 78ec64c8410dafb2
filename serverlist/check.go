package serverlist

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/signed-metaserver/metaserver/keys"
)

// Limits of single members. Lengths of texts are in code points, all others in
// bytes or in elements.
const (
	MaxName        = 80
	MaxDescription = 500
	MaxText        = 80 // version, region, operator, contact, one tag
	maxID          = 64
	maxHost        = 253
	maxURL         = 2048
	maxAddresses   = 16
	maxWords       = 32 // languages, tags
	maxEndpoints   = 16
	maxMirrorURLs  = 8
)

// A FieldError says which member of an entry is wrong, and how.
type FieldError struct {
	Field   string // the member's name, as "name" or "addresses[0]"
	Problem string // what is wrong and what is expected
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// field attaches a member's name to an error of one of the checks.
func field(name string, err error) error {
	if err == nil {
		return nil
	}
	return &FieldError{name, err.Error()}
}

// CheckID tells whether s can be an entry's id: [a-z0-9-], 1 to 64 bytes.
func CheckID(s string) error {
	if s == "" || len(s) > maxID {
		return fmt.Errorf("must have 1 to %d characters", maxID)
	}
	if !all(s, inSlug) {
		return fmt.Errorf("%q is not allowed: only a-z, 0-9 and '-' are", clip(s))
	}
	return nil
}

// checkSlug tells whether s can be the short name of a game, a protocol or a
// role. The rule is that of ids.
func checkSlug(s string) error { return CheckID(s) }

// CheckText tells whether s is UTF-8 of at most max code points without
// characters that control a terminal, reorder text or cannot be seen.
func CheckText(s string, max int) error {
	n := plain(s)
	if n == len(s) && n <= max {
		return nil // the usual case
	}
	n = 0
	before := rune(0)
	flag := 0 // where the tags of the last flag end
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return fmt.Errorf("is not UTF-8 at byte %d", i)
			}
		}
		if isControl(r) {
			return fmt.Errorf("contains %U at byte %d; control characters are not allowed", r, i)
		}
		next := i + utf8.RuneLen(r)
		if r == blackFlag {
			flag = next + flagTags(s[next:])
		}
		if i >= flag && keys.IsInvisible(r) && !hasUse(before, r, s[next:]) {
			return fmt.Errorf("contains %U at byte %d, which cannot be seen there; remove it", r, i)
		}
		before = r
		n++
	}
	if n > max {
		return fmt.Errorf("has %d characters, more than %d", n, max)
	}
	return nil
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7F && r <= 0x9F }

// CheckAddress tells whether s is "host:port" with a DNS name, an IPv4 address
// or an IPv6 address in brackets, and a port from 1 to 65535.
func CheckAddress(s string) error {
	host, port, ok := cutPort(s)
	if !ok {
		return fmt.Errorf("%q has no port; write host:port, IPv6 as [address]:port", clip(s))
	}
	if !isPort(port) {
		return fmt.Errorf("%q has no port from 1 to 65535", clip(s))
	}
	if strings.HasPrefix(host, "[") {
		ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil || !ip.Is6() || ip.Zone() != "" || host != "["+strings.Trim(host, "[]")+"]" {
			return fmt.Errorf("%q is not an IPv6 address in brackets", clip(host))
		}
		return nil
	}
	return checkHost(host)
}

func cutPort(s string) (host, port string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// isPort tells whether s is a number from 1 to 65535 without leading zero.
func isPort(s string) bool {
	if s == "" || len(s) > 5 || s[0] == '0' {
		return false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n <= 65535
}

// checkHost takes DNS names and IPv4 addresses. A name whose last label is a
// number could be read as an address by some resolvers, so it must be one.
func checkHost(host string) error {
	if host == "" || len(host) > maxHost {
		return fmt.Errorf("the host must have 1 to %d characters", maxHost)
	}
	label := 0 // where it begins
	for i := range len(host) {
		switch c := host[i]; {
		case c == '.':
			if !isLabel(host[label:i]) {
				return notHost(host)
			}
			label = i + 1
		case classes[c]&inHost == 0:
			return notHost(host)
		}
	}
	last := host[label:]
	if isNumber(last) {
		if ip, err := netip.ParseAddr(host); err != nil || !ip.Is4() {
			return fmt.Errorf("%q is not an IPv4 address", clip(host))
		}
		return nil
	}
	if !isLabel(last) {
		return notHost(host)
	}
	return nil
}

func notHost(host string) error {
	if strings.Contains(host, ":") {
		return fmt.Errorf("%q looks like IPv6 without brackets; write [address]:port", clip(host))
	}
	return fmt.Errorf("%q is not a DNS name: labels have 1 to 63 of a-z, 0-9, '-' and '_'; other scripts are written in punycode (xn--...)", clip(host))
}

// isNumber tells whether resolvers may read a last label as a number: decimal,
// or hexadecimal after 0x.
func isNumber(s string) bool {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return false
	}
	if len(s) >= 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		return strings.Trim(s[2:], "0123456789abcdefABCDEF") == ""
	}
	return strings.Trim(s, "0123456789") == ""
}

// isLabel tells whether the bytes of a host's name are a label of it.
func isLabel(s string) bool {
	return s != "" && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
}

// CheckMirrorURL tells whether s can be a mirror's URL: http or https, without
// user name, password and fragment.
func CheckMirrorURL(s string) error {
	if err := checkURL(s); err != nil {
		return err
	}
	if strings.Contains(s, "#") {
		return fmt.Errorf("must not have a fragment (#)")
	}
	return nil
}

// checkURL takes the URLs that SPEC.md defines: http or https, without user name
// and password. All of them parse in net/url;
// the reverse would leave other languages guessing what net/url accepts.
func checkURL(s string) error {
	if len(s) > maxURL {
		return fmt.Errorf("is longer than %d characters", maxURL)
	}
	for i := range len(s) {
		switch {
		case s[i] <= ' ' || s[i] >= 0x7F || s[i] == '\\':
			return fmt.Errorf("contains %q at byte %d; a URL is plain ASCII without spaces", s[i], i)
		case s[i] == '%' && (i+2 >= len(s) || !all(s[i+1:i+3], inHex)):
			return fmt.Errorf("contains a %% at byte %d that two hex digits do not follow", i)
		}
	}
	rest, ok := strings.CutPrefix(s, "http://")
	if !ok {
		rest, ok = strings.CutPrefix(s, "https://")
	}
	if !ok {
		return fmt.Errorf("must begin with http:// or https://")
	}
	host := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		host = rest[:end]
	}
	return checkURLHost(host)
}

// checkURLHost takes a host as addresses have it, with a port or without.
func checkURLHost(host string) error {
	switch {
	case host == "":
		return fmt.Errorf("names no host")
	case strings.Contains(host, "@"):
		return fmt.Errorf("must not carry a user name or password: the list is public")
	case strings.HasSuffix(host, "]") || !strings.Contains(host, ":"):
		return CheckAddress(host + ":80")
	}
	return CheckAddress(host)
}

// checkKey tells whether s is the padded base64 of an ed25519 public key.
func checkKey(s string) error {
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != 32 || strings.ContainsAny(s, "\r\n") {
		return fmt.Errorf("is not the base64 of a 32-byte ed25519 public key")
	}
	return nil
}

func checkLanguage(s string) error {
	if s == "" || len(s) > 35 {
		return fmt.Errorf("a language tag has 1 to 35 characters")
	}
	if !all(s, inLanguage) {
		return fmt.Errorf("%q is not a language tag as \"en\" or \"pt-BR\"", clip(s))
	}
	return nil
}

func checkTag(s string) error {
	if s == "" {
		return fmt.Errorf("must not be empty")
	}
	return CheckText(s, MaxText)
}

func checkSHA256(s string) error {
	if len(s) != 64 || strings.Trim(s, "0123456789abcdef") != "" {
		return fmt.Errorf("is not 64 lower-case hex digits")
	}
	return nil
}

// clip shortens hostile text before it is quoted in an error.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most]
	}
	return s
}
