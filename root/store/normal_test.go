package store

import "testing"

// Names that look the same are the same, also those that a store holds since
// before they were refused.
func TestNormalName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"My\u200b server", "My\u200c server", "MY\u200d SERVER", "\ufeffmy ser\u00adver", "My \u2060 server", "My\ufe0f server", "My server\U000e0073",
		"Ｍｙ\u200b\u3000ｓｅｒｖｅｒ", "My\u3164 server", "My\uffa0 server",
	} {
		if got := normalName(name); got != "my server" {
			t.Errorf("normalName(%q) = %q", name, got)
		}
	}
	if got := slug("My\u200bse\u00adrver"); got != "myserver" {
		t.Errorf("slug = %q", got)
	}
}
