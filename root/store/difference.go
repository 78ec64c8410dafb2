package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// A FieldChange is a member that is not the same in two servers.
type FieldChange struct {
	Field    string
	From, To string // in words; "": it is absent
}

// Difference returns the members that a requester can set and that differ, in
// the order of the format.
func Difference(from, to *serverlist.Server) (changes []FieldChange) {
	old, new := members(from), members(to)
	for i := range old {
		if old[i].value != new[i].value {
			changes = append(changes, FieldChange{old[i].name, old[i].value, new[i].value})
		}
	}
	return changes
}

type member struct{ name, value string }

// members returns what a requester can set, one line each. Lists are quoted so
// that no element can look like two.
func members(s *serverlist.Server) []member {
	return []member{
		{"name", s.Name},
		{"description", s.Description},
		{"game", s.Game},
		{"version", s.Version},
		{"addresses", strings.Join(s.Addresses, ", ")}, // none has a comma
		{"key", s.Key},
		{"region", s.Region},
		{"languages", strings.Join(s.Languages, ", ")},
		{"tags", quoted(s.Tags)},
		{"website", s.Website},
		{"endpoints", endpointsText(s.Endpoints)},
		{"probe", probeText(s.Probe)},
	}
}

func quoted(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf("%q", list)
}

func endpointsText(list []serverlist.Endpoint) string {
	var all []string
	for _, e := range list {
		all = append(all, fmt.Sprintf("%s: %s (%s)", e.Role, e.Address, e.Protocol))
	}
	return strings.Join(all, ", ")
}

func probeText(p *serverlist.Probe) string {
	switch {
	case p == nil:
		return ""
	case p.Port == 0:
		return p.Protocol
	}
	return fmt.Sprintf("%s on port %d", p.Protocol, p.Port)
}

// changedMembers names the members that differ.
func changedMembers(changes []FieldChange) (names []string) {
	for _, c := range changes {
		names = append(names, c.Field)
	}
	return names
}

// allows tells whether a rule covers all that is to be changed.
func allows(allowed, changed []string) bool {
	for _, name := range changed {
		if !slices.Contains(allowed, name) {
			return false
		}
	}
	return true
}
