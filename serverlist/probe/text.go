package probe

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// clean turns bytes from a server into text that can be shown: valid UTF-8,
// without characters that control a terminal, reorder text or cannot be seen,
// and no longer than an entry's texts.
func clean(b []byte) string {
	s := strings.Map(func(r rune) rune {
		if keys.IsInvisible(r) || unicode.In(r, unicode.Cc, unicode.Cf) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b), string(utf8.RuneError)))
	if runes := []rune(s); len(runes) > serverlist.MaxText {
		s = string(runes[:serverlist.MaxText])
	}
	return strings.TrimSpace(s)
}
