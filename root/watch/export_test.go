package watch

import (
	"net/url"
	"testing"
)

// IsAt is isAt of a URL that parses.
func IsAt(t *testing.T, u, place string) bool {
	t.Helper()
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	return isAt(parsed, place)
}
