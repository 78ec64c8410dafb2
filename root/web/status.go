package web

import "time"

// A StatusView is what the page of one request is made from.
type StatusView struct {
	Page
	Name        string // of the server or the mirror
	State       string // "pending", "approved" ...: the colour
	Headline    string // the state in words
	Explanation string // what it means and what comes next
	Reason      string // of the admin who decided
	Sections    []Section
	Details     []Detail
	Forms       []Action
}

// A Section explains something at length.
type Section struct {
	Heading string
	Lines   []string
	Code    string   // to be copied
	Items   []string // a list
	Results []string // of what was just tried
}

// A Detail is a term and its value: a time, or a text.
type Detail struct {
	Term string
	Text string
	Code bool // the text is for machines
	At   time.Time
}

// An Action is something that the requester may do.
type Action struct {
	ID, Heading, Text string
	Action, Method    string
	Button            string
	Quiet             bool // it takes something away
}

// Status makes the page.
func Status(v StatusView) ([]byte, error) { return render("status", v) }
