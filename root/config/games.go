package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Games are the games whose servers may be registered: how each is shown, by
// its slug. None means that any valid slug is welcome.
type Games map[string]string

// Name returns how a game is shown: its slug where nothing else is known.
func (g Games) Name(slug string) string {
	if name := g[slug]; name != "" {
		return name
	}
	return slug
}

// check tells what is wrong with the configured games.
func (g Games) check() error {
	for _, slug := range slices.Sorted(maps.Keys(g)) {
		one := serverlist.Server{ID: "x", Name: "x", Addresses: []string{"example.org:1"}, Game: slug}
		var wrong *serverlist.FieldError
		if err := one.Check(); slug == "" || errors.As(err, &wrong) {
			return fmt.Errorf("games: %q is no slug of a game; write small letters, digits and \"-\", as crossfire = \"Crossfire\"", clip(slug))
		}
		if err := serverlist.CheckText(g[slug], serverlist.MaxText); err != nil || strings.TrimSpace(g[slug]) == "" {
			return fmt.Errorf("games: %s = %q is no name that can be shown; write it as crossfire = \"Crossfire\"", slug, clip(g[slug]))
		}
	}
	return nil
}

// Refuse names what is wrong with the game of a request; nil if it is welcome.
func (g Games) Refuse(slug string) []api.FieldProblem {
	if _, welcome := g[slug]; welcome || len(g) == 0 || slug == "" {
		return nil // an absent game is refused elsewhere
	}
	text := fmt.Sprintf("%q is none of the games of this root", clip(slug))
	if near := g.nearest(slug); near != "" {
		text += fmt.Sprintf("; did you mean %q (%s)?", near, g[near])
	} else {
		text += "; they are " + g.list()
	}
	return []api.FieldProblem{{Field: "game", Problem: text}}
}

// nearest returns the slug that somebody may have meant, "" if none is near.
func (g Games) nearest(slug string) string {
	if len(slug) > serverlist.MaxText {
		return ""
	}
	asked := strings.ToLower(slug)
	best, least := "", 1+len(asked)/3 // so many letters may be wrong
	for _, have := range slices.Sorted(maps.Keys(g)) {
		far := min(editDistance(asked, have), editDistance(asked, strings.ToLower(g[have])))
		if far < least || far == least && best == "" {
			best, least = have, far
		}
	}
	return best
}

// maxGamesNamed is how many games a refusal lists.
const maxGamesNamed = 20

func (g Games) list() string {
	slugs := slices.SortedFunc(maps.Keys(g), func(a, b string) int {
		return cmp.Or(strings.Compare(g[a], g[b]), strings.Compare(a, b))
	})
	text := strings.Join(slugs[:min(len(slugs), maxGamesNamed)], ", ")
	if len(slugs) > maxGamesNamed {
		text += fmt.Sprintf(" and %d more", len(slugs)-maxGamesNamed)
	}
	return text
}
