package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
)

// A Form is a page with a form, empty or with what was typed and what is wrong
// with it.
type Form struct {
	Page
	Heading, Intro, Button string
	Action                 string // path that the form is sent to, relative to the page
	Links                  []Link // to other forms
	Notice                 string // why the form as a whole was refused
	Fields                 []Field
}

// A Field is one question of a form.
type Field struct {
	Name         string // of the value that is sent
	Label, Hint  string
	Type         string // of the input
	Rows         int    // above zero: a text of several lines
	Options      []Option
	Autocomplete string
	Required     bool
	Value        string
	Problem      string // what is wrong with the value

	members []string // of the request that this field fills; nil: the one of its name
}

// An Option is one answer of a choice.
type Option struct{ Value, Label string }

// ID names the field in the page.
func (f Field) ID() string { return "f-" + f.Name }

// DescribedBy names what a screen reader says after the label.
func (f Field) DescribedBy() string {
	var ids []string
	if f.Problem != "" {
		ids = append(ids, f.ID()+"-problem")
	}
	if f.Hint != "" {
		ids = append(ids, f.ID()+"-hint")
	}
	return strings.Join(ids, " ")
}

// A FormProblem is a line of the summary, which leads to the field.
type FormProblem struct{ ID, Text string }

// Problems is the summary of what is wrong, in the order of the fields.
func (f Form) Problems() []FormProblem {
	var out []FormProblem
	for _, field := range f.Fields {
		if field.Problem != "" {
			out = append(out, FormProblem{field.ID(), field.Label + ": " + field.Problem})
		}
	}
	return out
}

// Fill puts what was typed into the fields, and beside them what is wrong.
// What no field asked for becomes the notice.
func (f *Form) Fill(values url.Values, problems []api.FieldProblem) {
	for i := range f.Fields {
		f.Fields[i].Value = values.Get(f.Fields[i].Name)
	}
	for _, p := range problems {
		i := slices.IndexFunc(f.Fields, func(field Field) bool { return field.takes(p.Field) })
		switch {
		case i < 0:
			f.Notice = strings.TrimSpace(f.Notice + " " + p.Field + " " + p.Problem + ".")
		case f.Fields[i].Problem == "":
			f.Fields[i].Problem = elementText(p.Field) + p.Problem
		default:
			f.Fields[i].Problem += "; " + elementText(p.Field) + p.Problem
		}
	}
}

// takes tells whether a member of the request, as "addresses[1]", is filled by
// this field.
func (f Field) takes(member string) bool {
	member, _, _ = strings.Cut(member, "[")
	member, _, _ = strings.Cut(member, ".")
	return member == f.Name || slices.Contains(f.members, member)
}

// elementText names the place in a list: "addresses[1]" is the second.
func elementText(member string) string {
	_, index, ok := strings.Cut(member, "[")
	index, _, closed := strings.Cut(index, "]")
	if !ok || !closed || len(index) > 2 {
		return ""
	}
	n := 0
	for _, d := range []byte(index) {
		n = n*10 + int(d-'0')
	}
	return fmt.Sprintf("number %d ", n+1)
}

// Render makes the page.
func (f Form) Render() ([]byte, error) {
	if len(f.Problems()) > 0 {
		f.Title = "Problem: " + f.Title
	}
	return render("register", f)
}

// ServerFields asks for a server. games are the accepted ones by slug; none:
// any slug may be typed. Hints say what the root checks.
func ServerFields(games map[string]string) []Field {
	game := Field{Name: "game", Label: "Game", Type: "text", Required: true, Hint: "Its short name in small letters, as crossfire."}
	if len(games) > 0 {
		game.Hint = ""
		game.Options = []Option{{"", "Choose a game"}}
		for _, slug := range slices.SortedFunc(maps.Keys(games), func(a, b string) int {
			return cmp.Or(cmp.Compare(strings.ToLower(games[a]), strings.ToLower(games[b])), cmp.Compare(a, b))
		}) {
			game.Options = append(game.Options, Option{slug, games[slug]})
		}
	}
	return []Field{
		{Name: "name", Label: "Name of the server", Type: "text", Required: true, Hint: "As players shall see it; at most 80 characters."},
		{Name: "addresses", Label: "Address", Rows: 2, Required: true, members: []string{"address"},
			Hint: "Host and port, as play.example.org:13327 or [2001:db8::1]:13327. A host name is published as it is, so dynamic DNS works. Several addresses: one per line, the best first."},
		game,
		{Name: "description", Label: "Description", Rows: 4, Required: true, Hint: "For players; at most 500 characters."},
		{Name: "email", Label: "Your e-mail address", Type: "email", Required: true, Autocomplete: "email",
			Hint: "To write to you about this request. It is never published."},
		{Name: "version", Label: "Version", Type: "text", Hint: "Of the game or the server, as 1.75.0."},
		{Name: "region", Label: "Region", Type: "text", Hint: "Where the server stands, as Northern Europe."},
		{Name: "languages", Label: "Languages", Type: "text", Hint: "Language tags, as en, de, pt-BR, with commas between them."},
		{Name: "tags", Label: "Tags", Type: "text", Hint: "Free words with commas between them."},
		{Name: "website", Label: "Website", Type: "url", Autocomplete: "url", Hint: "A whole address, as https://example.org/."},
		{Name: "key", Label: "Key of the server", Type: "text", Hint: "The server's own ed25519 public key, base64 of 32 bytes, if it has one."},
	}
}

// EditFields are those of a server that is known: its e-mail address may stay as
// it is, and so may a game that the root no longer takes.
func EditFields(games map[string]string, game string) []Field {
	if _, known := games[game]; !known && len(games) > 0 {
		games = maps.Clone(games)
		games[game] = game
	}
	fields := ServerFields(games)
	for i := range fields {
		if fields[i].Name == "email" {
			fields[i].Required, fields[i].Hint = false, "Empty: the one that is known. It is never published."
		}
	}
	return fields
}

// ServerRequest makes of what was typed the request that a program would send.
func ServerRequest(values url.Values) api.RegistrationRequest {
	get := func(name string) string { return oneLine(values.Get(name)) }
	req := api.RegistrationRequest{
		Name: get("name"), Game: get("game"), Email: get("email"), Description: get("description"),
		Version: get("version"), Region: get("region"), Website: get("website"), Key: get("key"),
		Languages: split(values.Get("languages"), ",\n"), Tags: split(values.Get("tags"), ",\n"),
	}
	switch list := split(values.Get("addresses"), "\n,"); len(list) {
	case 0:
	case 1:
		req.Address = list[0]
	default:
		req.Addresses = list
	}
	return req
}

// ServerValues is what the fields hold for a server that is known.
func ServerValues(req api.RegistrationRequest) url.Values {
	addresses := req.Addresses
	if req.Address != "" {
		addresses = []string{req.Address}
	}
	return url.Values{
		"name": {req.Name}, "game": {req.Game}, "email": {req.Email}, "description": {req.Description},
		"version": {req.Version}, "region": {req.Region}, "website": {req.Website}, "key": {req.Key},
		"languages": {strings.Join(req.Languages, ", ")}, "tags": {strings.Join(req.Tags, ", ")},
		"addresses": {strings.Join(addresses, "\n")},
	}
}

// oneLine takes the line breaks that browsers put into a text, which the list
// cannot carry, and the space around it.
func oneLine(s string) string {
	s = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(s)
	return strings.TrimSpace(s)
}

// split cuts at any of the separators, and leaves out what is empty.
func split(s, separators string) []string {
	var out []string
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		if part = oneLine(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
