package serverlist

import "testing"

// Bodies are counted as they are written, and refused above the caps.
func TestBodyEncoder(t *testing.T) {
	t.Parallel()
	counted := bodyEncoder{}
	s := Server{ID: "s", Name: "S", Addresses: []string{"a:1", "b:1"}, Tags: []string{"t"}}
	if err := counted.add(s.ID, &s); err != nil || counted.lines != 1 || counted.elements != 3 {
		t.Errorf("%d lines, %d elements, %v", counted.lines, counted.elements, err)
	}
	for what, test := range map[string]struct {
		e  bodyEncoder
		ok bool
	}{
		"at the caps":       {bodyEncoder{body: make([]byte, 9), most: 9, lines: 262_144, elements: 2_097_152}, true},
		"too many bytes":    {bodyEncoder{body: make([]byte, 9), most: 8}, false},
		"too many lines":    {bodyEncoder{lines: 262_145}, false},
		"too many elements": {bodyEncoder{elements: 2_097_153}, false},
	} {
		if body, err := test.e.finish(); (err == nil) != test.ok || len(body) > 0 != test.ok {
			t.Errorf("%s: %d bytes, %v", what, len(body), err)
		}
	}
}
