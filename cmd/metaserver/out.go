package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/signed-metaserver/metaserver/root/api"
	"golang.org/x/term"
)

// errReported marks a failure that the command has already shown, as a report
// with a line for each target. It only sets the exit status.
var errReported = errors.New("already reported")

// errFading marks a mirror that holds what is stale or about to be, which is
// already shown as well.
var errFading = errors.New("stale or about to be")

// A usageError is a command used wrongly: exit status 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// A hintError carries what helps beside what went wrong.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

// withHint adds a line that says what to do about err.
func withHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &hintError{err, hint}
}

func hasHint(err error) bool {
	var h *hintError
	return errors.As(err, &h)
}

// printError prints an error and, on the next line, its hint.
func printError(w io.Writer, err error) {
	fmt.Fprintf(w, "metaserver: %s\n", cleanText(err.Error()))
	var h *hintError
	if errors.As(err, &h) {
		fmt.Fprintf(w, "  %s\n", cleanText(h.hint))
	}
}

// printErrorJSON prints an error for programs.
func printErrorJSON(w io.Writer, err error) error {
	out := map[string]any{"error": err.Error()}
	var h *hintError
	if errors.As(err, &h) {
		out["hint"] = h.hint
	}
	var p *api.Problem
	if errors.As(err, &p) {
		out["problem"] = p
	}
	return printJSON(w, out)
}

// printJSON prints one value for programs. Somebody may look at it on a terminal
// all the same, so characters that it would obey are printed as escapes.
func printJSON(w io.Writer, v any) error {
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, escapeObeyed(text.String()))
	return err
}

// escapeObeyed writes what a terminal obeys as escapes. All of it stands in
// strings.
func escapeObeyed(text string) string {
	if strings.IndexFunc(text, isObeyed) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isObeyed(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isObeyed tells whether a terminal may obey a character: move a cursor, reorder
// a line. Line feeds are meant.
func isObeyed(r rune) bool {
	if r < 0x7F { // nearly all of a list of many megabytes
		return r < 0x20 && r != '\n'
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == 0xFEFF || r == 0x2028 || r == 0x2029
}

// cleanText replaces what a terminal obeys.
func cleanText(s string) string {
	return strings.Map(func(r rune) rune {
		if isObeyed(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// A result is standard output. It notes the first write that failed, because
// a command whose result is lost has not done its work, whatever it printed it
// with.
type result struct {
	file *os.File
	err  error
}

func (r *result) Write(p []byte) (int, error) {
	n, err := r.file.Write(p)
	if err != nil && r.err == nil {
		r.err = err
	}
	return n, err
}

// lost tells why the result did not arrive; nil if it did.
func (r *result) lost() error {
	if r.err == nil {
		return nil
	}
	cause := r.err
	if p := new(fs.PathError); errors.As(cause, &p) {
		cause = p.Err
	}
	return withHint(fmt.Errorf("the result could not be written to standard output: %w", cause),
		"What the command does beside printing is done. Look where its output goes: a full disk, or a file that is closed?")
}

// keepsResult tells whether what is printed can be read anywhere. A program
// that is started with standard output closed finds the null device there.
func (r *result) keepsResult() bool {
	out, err := r.file.Stat()
	if err != nil || r.err != nil {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(out, null)
}

// isTerminal tells whether a person is likely to read the file.
func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// formatTime is how dates are printed everywhere.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// formatAge prints a duration as people say it: two units at most.
func formatAge(d time.Duration) string {
	d = d.Round(time.Second)
	day := 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%dm %ds", int(d/time.Minute), int(d%time.Minute/time.Second))
	case d < day:
		return fmt.Sprintf("%dh %dm", int(d/time.Hour), int(d%time.Hour/time.Minute))
	default:
		return fmt.Sprintf("%dd %dh", int(d/day), int(d%day/time.Hour))
	}
}

// plural counts things: "1 entry", "2 entries", "3 servers".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if stem, ok := strings.CutSuffix(thing, "ry"); ok {
		return fmt.Sprintf("%d %sries", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// pluralAre is plural before what is said of the things: "1 entry is", "2
// entries are".
func pluralAre(n int, thing string) string {
	if n == 1 {
		return plural(n, thing) + " is"
	}
	return plural(n, thing) + " are"
}

// howOften counts what has happened: "once", "2 times".
func howOften(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
