package store

import (
	"slices"
	"testing"
)

func TestLookAlike(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"Cat 2", "Сat 2"}, // Cyrillic С
		{"HELLO", "НELLO"}, // Cyrillic Н
		{"Paypal", "PaypaI"},
		{"moon", "M00N"},
		{"Iron Keep", "lron Keep"},
		{"iron", "IR0N"},
		{"Metalforge", "rnetalforge"},
		{"Cat 2", "cat-2"},
		{"Cat 2", "C a t 2"},
		{"scope", "ѕсоре"}, // all Cyrillic
		{"𝓒at", "Cat"},
		{"Cat\u200d", "Cat"},
		{"!!!", "ǃǃǃ"}, // the letter of clicks
	} {
		if a, b := lookAlike(pair[0]), lookAlike(pair[1]); a != b || a == "" {
			t.Errorf("%q and %q look alike, but become %q and %q", pair[0], pair[1], a, b)
		}
	}
	for _, pair := range [][2]string{
		{"Cafe", "Café"}, {"Cat 2", "Cat 3"}, {"Server 1", "Server 11"}, {"猫", "犬"}, {"!!!", "???"}, {"кот", "kot"},
	} {
		if a, b := lookAlike(pair[0]), lookAlike(pair[1]); a == b {
			t.Errorf("%q and %q both become %q", pair[0], pair[1], a)
		}
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"Cat 2":     {"Latin"},
		"Сat":       {"Cyrillic", "Latin"},
		"12 !":      nil,
		"東京タワーの猫":   {"East Asian"},
		"Ωmega":     {"Greek", "Latin"},
		"Café Œuvr": {"Latin"},
	} {
		if got := Scripts(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzLookAlike(f *testing.F) {
	for _, s := range []string{"Cat 2", "НELLO", "", "\u0301", "ﷺ", "🏳️‍🌈", "M00N", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := lookAlike(s)
		if len(a) > 64*len(s)+64 {
			t.Errorf("%d bytes become %d", len(s), len(a))
		}
		if normalName(s) != "" && a == "" {
			t.Errorf("%q, which can be seen, becomes nothing", s)
		}
	})
}
