package serverlist

import (
	"strings"
	"testing"
)

// Every byte at every place of a word and around it.
func TestPlain(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		special := c < 0x20 || c >= 0x7F || c == '"' || c == '\\'
		for length := range 20 {
			for at := range length {
				s := []byte(strings.Repeat("a", length))
				s[at] = byte(c)
				want := length
				if special {
					want = at
				}
				if got := plain(string(s)); got != want {
					t.Fatalf("plain(%q) = %d, want %d", s, got, want)
				}
			}
		}
	}
}
