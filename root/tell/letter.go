package tell

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

// The letters are plain text. The first line is the subject. Paragraphs are
// broken anew once they are filled in; lines that begin with two spaces stay as
// they are.
//
// Anybody can have a letter sent to anybody, by a request in their name. So a
// letter about a request that no admin has approved repeats nothing that the
// request says, lest it carry advertisements, and none holds a link that does
// anything.
//
//go:embed letters/*.txt
var letterFiles embed.FS

var letters = template.Must(template.New("letters").Funcs(template.FuncMap{"indent": indent}).Option("missingkey=error").
	ParseFS(letterFiles, "letters/*.txt"))

// A serverLetter is what letters to requesters and owners are filled with.
type serverLetter struct {
	Origin    string
	ID        string // of the request
	Entry     string
	Name      string
	Addresses string
	Reason    string
}

func (l *serverLetter) values() map[string]any {
	return map[string]any{"Origin": l.Origin, "ID": l.ID, "Entry": l.Entry, "Name": l.Name, "Addresses": l.Addresses, "Reason": l.Reason}
}

// write fills a letter in. What is not printable in the values becomes a space,
// so that none can begin a line of its own.
func write(name string, values map[string]any) (subject, body string, err error) {
	clean := make(map[string]any)
	for key, value := range values {
		switch v := value.(type) {
		case string:
			clean[key] = plainLine(v)
		case []string:
			var lines []string
			for _, line := range v {
				lines = append(lines, plainLine(line))
			}
			clean[key] = lines
		default:
			clean[key] = v
		}
	}
	var b strings.Builder
	if err := letters.ExecuteTemplate(&b, name+".txt", clean); err != nil {
		return "", "", fmt.Errorf("the letter %q: %w", name, err)
	}
	first, rest, _ := strings.Cut(b.String(), "\n")
	subject, found := strings.CutPrefix(first, "Subject: ")
	if !found {
		return "", "", fmt.Errorf("the letter %q has no subject", name)
	}
	return subject, reflow(rest), nil
}

// compose is [write] where nobody could be told that a letter failed. Templates
// and the names of their values are of this program, and a test fills every
// letter in; so the values alone, one after the other, never have to do.
func compose(name string, values map[string]any) (subject, body string) {
	subject, body, err := write(name, values)
	if err != nil {
		return name, wrap(plainLine(fmt.Sprint(values)))
	}
	return subject, body
}

// plainLine makes a text printable, on one line.
func plainLine(s string) string { return strings.Map(printable, s) }

// indent makes a text a paragraph of its own that sticks out, whatever it says.
func indent(text string) string {
	lines := strings.Split(strings.TrimSpace(wrap(plainLine(text))), "\n")
	return "  " + strings.Join(lines, "\n  ")
}

// reflow breaks the paragraphs of a text at 72 columns.
func reflow(text string) string {
	var out []string
	var paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			out = append(out, strings.TrimSuffix(wrap(plainLine(strings.Join(paragraph, " "))), "\n"))
			paragraph = nil
		}
	}
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		switch {
		case strings.TrimSpace(line) == "":
			end()
			if len(out) > 0 && out[len(out)-1] != "" {
				out = append(out, "")
			}
		case strings.HasPrefix(line, "  "):
			end()
			out = append(out, strings.TrimRight(plainLine(line), " "))
		default:
			paragraph = append(paragraph, line)
		}
	}
	end()
	return strings.Join(out, "\n") + "\n"
}
