package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// newTable begins a table with a head, if it has one. Its rows are printed when it
// is flushed.
func newTable(out io.Writer, head ...string) *tabwriter.Writer {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(head) > 0 {
		row(t, head...)
	}
	return t
}

// row prints the cells of a table, which came from elsewhere: no cell can break
// its line or its column.
func row(out io.Writer, cells ...string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(cleanText(c), "\n", "\uFFFD")
	}
	fmt.Fprintln(out, strings.Join(cells, "\t"))
}

// A remarked row is a row of a table, and what is said below it.
type remarkedRow struct {
	cells   []string
	remarks []string
}

// printRemarked prints a table of which the columns stay columns, whatever is
// said between the rows.
func printRemarked(out io.Writer, head []string, rows []remarkedRow) {
	var table bytes.Buffer
	t := newTable(&table, head...)
	for _, r := range rows {
		row(t, r.cells...)
	}
	t.Flush()
	lines := slices.Collect(strings.Lines(table.String()))
	io.WriteString(out, lines[0])
	for i, r := range rows {
		io.WriteString(out, lines[i+1])
		for _, remark := range r.remarks {
			say(out, "  %s", strings.ReplaceAll(remark, "\n", " "))
		}
	}
}

// facts is a table of names and values, one on each line, which are printed when
// it is flushed.
type facts struct{ *tabwriter.Writer }

func newFacts(out io.Writer) facts { return facts{newTable(out)} }

// line adds a fact; one without a value is left out.
func (f facts) line(name, value string) {
	if value != "" {
		row(f, name, value)
	}
}
