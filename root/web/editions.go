package web

import (
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
)

// An EditionsView is what the page of the editions is made from.
type EditionsView struct {
	Page
	Shown api.Editions
}

// Tables are the two lists.
func (v EditionsView) Tables() []editionTable {
	return []editionTable{
		{"server.list", v.Shown.Servers, len(v.Shown.Mirrors)},
		{"mirror.list", v.Shown.Lists, 0},
	}
}

type editionTable struct {
	Name     string
	Editions []api.Edition
	Mirrors  int // of which the editions say how many have them
}

// Ago says how long a number of seconds is, in words.
func (EditionsView) Ago(seconds int64) string { return Age(time.Duration(seconds) * time.Second) }

// Editions makes the page.
func Editions(v EditionsView) ([]byte, error) { return render("editions", v) }
