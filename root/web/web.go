// Package web makes the pages that a root shows to people: the list, the form
// that asks for a server to be listed, what has become of a request, the
// editions, and the description of the API.
//
// The pages are plain HTML and one style sheet. They need no script, no cookie
// and nothing from elsewhere, and [Policy] forbids browsers to use any. What
// they show is given by the caller; this package knows neither the store nor
// HTTP. Values are escaped by html/template wherever they stand.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"html/template"
	"strings"
	"time"
)

// Policy is the Content-Security-Policy of every page.
const Policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// StyleSheet is the style of all pages.
//
//go:embed style.css
var StyleSheet []byte

//go:embed templates
var files embed.FS

var templates = template.Must(template.New("").ParseFS(files, "templates/*.html"))

// StylePath is the path of the style sheet below the root's URL. It changes
// with the sheet, so that browsers may keep it for ever.
var StylePath = "assets/" + styleName()

func styleName() string {
	sum := sha256.Sum256(StyleSheet)
	return fmt.Sprintf("style-%x.css", sum[:6])
}

// A Page is what all pages have.
type Page struct {
	Origin string // of the list
	Title  string // without the origin
	Path   string // of the page below the root's URL, if the menu has it
	Base   string // leads from the page to the root's URL: "" or "../"s
	Secret bool   // the page's URL is a secret: nothing may remember it
}

// A Link is an entry of the menu, or leads to another page. Path is below the
// root's URL.
type Link struct{ Path, Label string }

// Menu is what every page links to.
func (Page) Menu() []Link {
	return []Link{{"./", "Servers"}, {"register", "Register a server"}, {"register/mirror", "Lend a mirror"}, {"editions", "Editions"}, {"api/", "API"}}
}

// Style is the path of the style sheet.
func (Page) Style() string { return StylePath }

// Up returns what leads from a path to the root's URL: "../" for every folder
// that the path is in. It holds behind a proxy that adds folders of its own.
func Up(path string) string {
	return strings.Repeat("../", strings.Count(strings.TrimPrefix(path, "/"), "/"))
}

// render fills a template. The templates and their data come from this package,
// so that a failure is a mistake in it; tests render every page.
func render(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// Age says how long something is ago, in the largest unit that tells enough.
func Age(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return "less than two minutes"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// Time writes a time as the pages do.
func Time(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04") + " UTC" }

// size says how large a document is.
func size(n int) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d bytes", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}
