package serverlist_test

import (
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
)

func TestCheckText(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{
		"": true, strings.Repeat("a", 80): true, strings.Repeat("é", 80): true, strings.Repeat("a", 79) + "é": true, "é" + strings.Repeat("a", 79): true,
		strings.Repeat("a", 81): false, strings.Repeat("é", 81): false, strings.Repeat("a", 80) + "é": false, "é" + strings.Repeat("a", 80): false,
		"\uFFFD": true, "\xff": false, "aé\xc3": false, "\xed\xa0\x80": false,
		` ~"\`: true, "\x1f": false, "\x7f": false, "\u009f": false, "\u00a0": true, "\u200b": false,
	} {
		if err := serverlist.CheckText(s, 80); (err == nil) != ok {
			t.Errorf("%q: %v, want accepted %v", s, err, ok)
		}
	}
}
