package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func manCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "man --out DIR",
		Short: "Write the manual pages",
		Long:  "Write one manual page a command into DIR, for packages and for MANPATH.",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			program := newProgram()
			setExamples(program)
			if err := doc.GenManTree(program, &doc.GenManHeader{Section: "1", Source: "metaserver"}, out); err != nil {
				return fmt.Errorf("writing manual pages: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder to write to")
	cmd.MarkFlagRequired("out")
	return cmd
}

// setExamples makes all that is indented in the help of a command, and of those
// below it, what stays as it is in a manual page.
func setExamples(cmd *cobra.Command) {
	cmd.DisableAutoGenTag = true
	cmd.Long = setExample(cmd.Long)
	for _, c := range cmd.Commands() {
		setExamples(c)
	}
}

// setExample indents examples as far as Markdown wants it, of which the pages are
// made. Lists, which begin with "  - ", it knows.
func setExample(long string) string {
	var b strings.Builder
	inside, list := false, false
	for line := range strings.Lines(long) {
		indented := strings.HasPrefix(line, "  ")
		switch {
		case strings.TrimSpace(line) == "":
		case !indented:
			inside, list = false, false
		case !inside && strings.HasPrefix(line, "  - "):
			list = true
		case !inside && !list:
			inside = true
			if !strings.HasSuffix(b.String(), "\n\n") {
				b.WriteString("\n")
			}
		}
		if inside && indented {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}
