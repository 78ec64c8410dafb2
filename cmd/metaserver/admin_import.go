package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/transfer"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/legacy"
	"github.com/spf13/cobra"
)

// importFlags are those of "admin import".
type importFlags struct {
	how    api.ImportHow
	format string
	game   string
	trust  string
}

// The formats of an import.
const (
	formatLines   = "lines"
	formatTwoLine = "two-line"
	formatList    = "list"
)

func adminImportCommand(f *adminFlags) *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use:   "import FILE [--approve [--replace]] [--skip-wrong]",
		Short: "Take many entries from a file",
		Long: `Take entries from FILE, or from standard input for "-":

  - what "metaserver admin export" wrote, one JSON object a line;
  - a signed server.list, of this root or, with --trust, of another one;
  - two-line entries of the earlier metaserver (host port unixtime greeting /
    name version comment), which are of the game in --game; a "_" in a name stays.

Without --approve they wait in the queue like any request. With it an entry that
was suspended is so again, and its key may change what it could ("metaserver admin
allow"). An id that is given is kept. An entry that is here with another content is a conflict: it is reported,
and stays as it is unless --replace is given; the exit status is 1 then. What is
here already is left out, so that an import which was interrupted is simply run
again.

All lines are looked at first. If one is wrong nothing is imported, unless
--skip-wrong leaves the wrong ones out.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runImport(cmd, f, flags, args[0])
		},
	}
	cmd.Flags().BoolVar(&flags.how.Approve, "approve", false, "list them at once")
	cmd.Flags().BoolVar(&flags.how.Replace, "replace", false, "with --approve: let them replace entries of the same id")
	cmd.Flags().BoolVar(&flags.how.SkipWrong, "skip-wrong", false, "leave lines out that are wrong")
	cmd.Flags().StringVar(&flags.format, "format", "", "lines, list or two-line; without it the content tells")
	choose(cmd, "format", formatLines, formatList, formatTwoLine)
	cmd.Flags().StringVar(&flags.game, "game", "", "game of two-line entries (crossfire where they greet as such)")
	cmd.Flags().StringVar(&flags.trust, "trust", "", "trust document that a list of another root is verified with; newer ones are taken from its folder")
	return cmd
}

func runImport(cmd *cobra.Command, f *adminFlags, flags importFlags, file string) error {
	if flags.how.Replace && !flags.how.Approve {
		return &usageError{"--replace needs --approve: only what is approved at once replaces an entry"}
	}
	c, err := f.client(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	data, err := readLimited(cmd.Context(), file, api.MaxImport)
	if err != nil {
		return err
	}
	lines, err := flags.read(cmd.Context(), cmd.ErrOrStderr(), c, data)
	if err != nil {
		return withHint(fmt.Errorf("%s: %w", file, err), "Nothing was imported.")
	}
	if len(lines.wrong) > 0 && !flags.how.SkipWrong {
		return refuseLines(file, lines.wrong)
	}
	line := newProgress(cmd.ErrOrStderr())
	result, err := c.Import(cmd.Context(), lines.text, flags.how, func(done, total int) { line.show("importing", int64(done), int64(total)) })
	line.end()
	if err != nil {
		return explainImport(file, lines, err)
	}
	result.Wrong += len(lines.wrong)
	lines.name(result.Problems)
	result.Problems = append(lines.wrong[:min(len(lines.wrong), maxImportShown)], result.Problems...)
	if f.json {
		err = printJSON(cmd.OutOrStdout(), result)
	} else {
		printImport(cmd.OutOrStdout(), file, flags.how, result)
	}
	if err == nil && result.Conflicts > 0 {
		err = errReported // not all was taken
	}
	return err
}

// entryLines are entries on their way to the root.
type entryLines struct {
	text    []byte
	numbers []int // where each stands in the file; nil: on the line of the same number
	wrong   []api.ImportLine
}

// name gives problems the numbers of lines in the file.
func (l *entryLines) name(problems []api.ImportLine) {
	for i, p := range problems {
		problems[i].Line = l.number(p.Line)
	}
}

func (l *entryLines) number(n int) int {
	if l.numbers == nil || n < 1 || n > len(l.numbers) {
		return n
	}
	return l.numbers[n-1]
}

// read makes lines of a file.
func (f *importFlags) read(ctx context.Context, notes io.Writer, c *api.Client, data []byte) (*entryLines, error) {
	format := f.format
	if format == "" {
		format = formatOf(data)
	}
	switch format {
	case formatLines:
		return &entryLines{text: data}, nil
	case formatList:
		chain, err := f.chain(ctx, c, notes)
		if err != nil {
			return nil, err
		}
		lines, err := linesOfList(data, chain)
		if err != nil && f.trust == "" {
			return nil, fmt.Errorf("%w; if this is the list of another root, give its trust document: --trust FILE", err)
		}
		return lines, err
	case formatTwoLine:
		return f.linesOfTwo(data)
	}
	return nil, &usageError{fmt.Sprintf("--format %q is none of lines, list, two-line", format)}
}

// formatOf tells a format by how it begins.
func formatOf(data []byte) string {
	begin := bytes.TrimLeft(data, " \t\r\n")
	lines := bytes.SplitN(data, []byte("\n"), 3) // of a list the first is the origin
	switch {
	case len(begin) == 0 || begin[0] == '{':
		return formatLines
	case len(lines) > 2 && string(bytes.TrimRight(lines[1], "\r")) == "type "+serverlist.TypeServerList:
		return formatList
	}
	return formatTwoLine
}

// chain returns the trust documents that a list is verified with.
func (f *importFlags) chain(ctx context.Context, c *api.Client, notes io.Writer) (*keys.Chain, error) {
	if f.trust != "" {
		return (&chainWalk{pinned: f.trust, notes: notes}).load(ctx)
	}
	docs, err := c.Trust(ctx)
	if err != nil {
		return nil, explainProblem(err)
	}
	if len(docs) == 0 {
		return nil, errors.New("the root serves no trust document")
	}
	chain, err := keys.NewChain([]byte(docs[0].Document))
	for _, d := range docs[1:] {
		if err == nil {
			chain, err = chain.Extend([]byte(d.Document))
		}
	}
	return chain, err
}

func linesOfList(data []byte, chain *keys.Chain) (*entryLines, error) {
	want := serverlist.Want{Origin: chain.Origin(), Type: serverlist.TypeServerList, Held: keys.Stored}
	list, err := serverlist.Open(data, want, chain)
	if err != nil {
		return nil, err
	}
	out := &entryLines{}
	first := bytes.Count(data[:int64(len(data))-list.Head.BodySize], []byte("\n"))
	for i := range list.Servers {
		text, err := list.Servers[i].MarshalJSON()
		if err != nil {
			return nil, err
		}
		out.text = append(append(out.text, text...), '\n')
		out.numbers = append(out.numbers, first+i+1)
	}
	return out, nil
}

// linesOfTwo makes lines of two-line entries.
func (f *importFlags) linesOfTwo(data []byte) (*entryLines, error) {
	out := &entryLines{}
	err := legacy.ReadTwoLines(bytes.NewReader(data), func(n int, e legacy.TwoLine, err error) error {
		text := ""
		if err == nil {
			text, err = f.lineOfTwo(&e)
		}
		if err != nil {
			out.wrong = append(out.wrong, api.ImportLine{Line: n, Problem: err.Error()})
			return nil
		}
		out.text = append(append(out.text, text...), '\n')
		out.numbers = append(out.numbers, n)
		return nil
	})
	return out, err
}

const noID = "x" // stands for the id while an entry without one is written

func (f *importFlags) lineOfTwo(e *legacy.TwoLine) (string, error) {
	game := f.game
	if game == "" && strings.HasSuffix(e.Greeting, "Crossfire Server") {
		game = "crossfire"
	}
	if game == "" {
		return "", errors.New("its greeting does not tell the game: give --game")
	}
	s := e.Server(game)
	if n := utf8.RuneCountInString(s.Name); n > serverlist.MaxName {
		return "", fmt.Errorf("the name has %d characters, more than %d", n, serverlist.MaxName)
	}
	s.ID = noID
	text, err := s.MarshalJSON()
	if err != nil {
		return "", err
	}
	var private transfer.Private
	if !e.Seen.IsZero() {
		private.Created = &e.Seen
	}
	line, err := transfer.AppendLine(nil, `{`+strings.TrimPrefix(string(text), `{"id":"`+noID+`",`), private)
	return strings.TrimSpace(string(line)), err
}

// maxImportShown is how many wrong lines are shown.
const maxImportShown = 20

// refuseLines tells which lines are wrong.
func refuseLines(file string, wrong []api.ImportLine) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: nothing was imported; wrong: %s", file, fmt.Sprint(len(wrong)))
	for _, w := range wrong[:min(len(wrong), maxImportShown)] {
		fmt.Fprintf(&b, "\n  line %d: %s", w.Line, w.Problem)
	}
	return withHint(errors.New(b.String()), "Correct them, or leave them out with --skip-wrong.")
}

// explainImport gives the lines that the root refused their numbers in the
// file.
func explainImport(file string, lines *entryLines, err error) error {
	var p *api.Problem
	if !errors.As(err, &p) || len(p.Errors) == 0 {
		return explainProblem(err)
	}
	var wrong []api.ImportLine
	for _, e := range p.Errors {
		n, ok := api.LineOfField(e.Field)
		if !ok {
			return explainProblem(err)
		}
		wrong = append(wrong, api.ImportLine{Line: lines.number(n), Problem: e.Problem})
	}
	return refuseLines(file, wrong)
}

func printImport(out io.Writer, file string, how api.ImportHow, r api.ImportResult) {
	if how.Approve {
		say(out, "%s: %d listed, %d replaced, %d there already.", file, r.Listed, r.Replaced, r.Same)
	} else {
		say(out, "%s: %d wait for a decision, %d there already.", file, r.Queued, r.Same)
	}
	if r.Suspended > 0 {
		say(out, "  %d are suspended, as they were", r.Suspended)
	}
	if r.Reserved > 0 {
		say(out, "  %d are revoked: their ids are never given again", r.Reserved)
	}
	if r.Conflicts > 0 {
		say(out, "  %s: what is here stays", plural(r.Conflicts, "conflict"))
	}
	if r.Wrong > 0 {
		say(out, "  %d wrong, left out", r.Wrong)
	}
	for _, p := range r.Problems {
		say(out, "  line %d: %s", p.Line, strings.TrimPrefix(p.ID+": "+p.Problem, ": "))
	}
}
