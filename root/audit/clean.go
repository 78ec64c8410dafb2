package audit

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sizes of texts in a record, in bytes. Longer ones are cut.
const (
	maxName   = 128
	maxDetail = 2048
)

// What stands in place of what must not be in the log.
const (
	blankedEmail  = "(e-mail address)"
	blankedSecret = "(secret)"
)

var (
	emailText  = regexp.MustCompile(`[^\s<>"'(),;:\[\]]+@[^\s<>"'(),;:\[\]]+`)
	secretText = regexp.MustCompile(`[A-Za-z0-9_-]{43,}`) // tokens have 43 characters
	hexText    = regexp.MustCompile(`^[0-9a-f]{64}$`)     // hashes are no secret
)

// clean makes a text that fits into a record: what is printable, on one line,
// no e-mail address and no token, at most limit bytes.
func clean(text string, limit int) string {
	if plain(text) && len(text) <= limit && len(text) < 43 {
		return text
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = emailText.ReplaceAllString(text, blankedEmail)
	text = secretText.ReplaceAllStringFunc(text, func(s string) string {
		if hexText.MatchString(s) {
			return s
		}
		return blankedSecret
	})
	if len(text) <= limit {
		return text
	}
	const dots = "..."
	cut := limit - len(dots)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + dots
}

// plain tells whether nothing in a text can need cleaning: most texts are ids.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '@' {
			return false
		}
	}
	return true
}
