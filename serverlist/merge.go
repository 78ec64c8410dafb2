package serverlist

import "slices"

// A Listed is a server as one origin lists it. Its identity is the pair of
// origin and id: two origins may list different servers under one id, name or
// key, and neither speaks for the other.
type Listed struct {
	Origin string
	Server Server
}

// Merge puts the server lists of several origins together for display, in the
// order of the lists, which is the user's order of preference. Nothing is
// joined across origins: only an entry that is the same in every member
// collapses into the one of the earlier list. A nil list counts as empty.
func Merge(lists ...*List) []Listed {
	var all []Listed
	seen := make(map[string]bool)
	for _, l := range lists {
		if l == nil {
			continue
		}
		for i := range l.Servers {
			s := &l.Servers[i]
			line := string(s.appendJSON(nil))
			if !seen[line] {
				seen[line] = true
				all = append(all, Listed{l.Head.Origin, *s})
			}
		}
	}
	return slices.Clip(all)
}
