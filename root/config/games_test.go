package config

import (
	"strings"
	"testing"
)

func TestGames(t *testing.T) {
	t.Parallel()
	games := Games{"crossfire": "Crossfire", "ddnet": "DDraceNetwork", "luanti": "Luanti"}
	if err := games.check(); err != nil {
		t.Fatal(err)
	}
	for slug, says := range map[string]string{
		"crossfire":                       "",
		"crosfire":                        `did you mean "crossfire" (Crossfire)?`,
		"Crossfire":                       `did you mean "crossfire" (Crossfire)?`,
		"ddracenetwork":                   `did you mean "ddnet" (DDraceNetwork)?`,
		"minetest":                        "they are crossfire, ddnet, luanti",
		"x":                               "they are crossfire, ddnet, luanti",
		strings.Repeat("crossfire", 5000): "they are crossfire",
	} {
		switch wrong := games.Refuse(slug); {
		case says == "" && wrong != nil:
			t.Errorf("%q is refused: %v", slug, wrong)
		case says != "" && (len(wrong) != 1 || wrong[0].Field != "game" || !strings.Contains(wrong[0].Problem, says)):
			t.Errorf("%.20q: %v, want %q", slug, wrong, says)
		}
	}
	if wrong := Games(nil).Refuse("anything"); wrong != nil {
		t.Errorf("without a list of games: %v", wrong)
	}
}

func TestGamesAreChecked(t *testing.T) {
	t.Parallel()
	for _, games := range []Games{{"Crossfire": "x"}, {"": "x"}, {"a b": "x"}, {"crossfire": ""}, {"crossfire": "\x1b[2J"}, {"a": " "}} {
		if err := games.check(); err == nil || !strings.Contains(err.Error(), "games: ") {
			t.Errorf("%q: %v", games, err)
		}
	}
}
