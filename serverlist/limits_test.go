package serverlist

import "testing"

// Callers may ask for less than the format allows, never for more.
func TestLimits(t *testing.T) {
	t.Parallel()
	format := Limits{64 << 20, 262_144, 2_097_152, 8 << 10}
	less := Limits{1000, 10, 100, 200}
	for what, test := range map[string]struct {
		limits, server Limits
		mirror         int64
	}{
		"none":     {Limits{}, format, 1 << 20},
		"less":     {less, less, 1000},
		"negative": {Limits{-1, -1, -1, -1}, format, 1 << 20},
		"more":     {Limits{1 << 40, 1 << 30, 1 << 30, 1 << 30}, format, 1 << 20},
		"between":  {Limits{Body: 2 << 20}, Limits{2 << 20, format.Lines, format.Elements, format.Entry}, 1 << 20},
	} {
		l := test.limits
		got := Limits{l.body(TypeServerList), l.lines(), l.elements(), l.entry()}
		if got != test.server || l.body(TypeMirrorList) != test.mirror {
			t.Errorf("%s: %+v, and %d bytes of a mirror list; want %+v and %d", what, got, l.body(TypeMirrorList), test.server, test.mirror)
		}
	}
	if got := less.or(format); got != less {
		t.Errorf("%+v or others are %+v", less, got)
	}
	if got := (Limits{}).or(less); got != less {
		t.Errorf("none or others are %+v", got)
	}
}
