package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func adminReportsCommand(f *adminFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reports",
		Short: "Show what players report about servers",
		Long: `Show what players report about servers, by entry. They report with

  curl -H 'Content-Type: application/json' ROOT/api/v1/reports \
    -d '{"entry_id": "cat-2", "kind": "impostor", "text": "It asks for passwords."}'

The kinds are dead, impostor, cheating, abuse, wrong-data and other. One address
has one open report about an entry.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) ([]api.Reports, error) { return c.Reports(cmd.Context()) }, printReports)
		},
	}
	cmd.AddCommand(adminReportsResolveCommand(f))
	return cmd
}

func printReports(out io.Writer, all []api.Reports) {
	if len(all) == 0 {
		say(out, "There is no open report.")
		return
	}
	t := newTable(out, "ENTRY", "WHEN", "KIND", "REPORT")
	for _, r := range all {
		for _, one := range r.Newest {
			row(t, r.EntryID, ago(one.At), one.Kind, one.Text)
		}
		total := 0
		for _, n := range r.Kinds {
			total += n
		}
		if more := total - len(r.Newest); more > 0 {
			row(t, r.EntryID, "", "", fmt.Sprintf("and %d more", more))
		}
	}
	t.Flush()
}

// printReported names the entries that players report.
func printReported(out io.Writer, all []api.Reports) {
	var names []string
	for _, r := range all[:min(len(all), 5)] {
		names = append(names, r.EntryID)
	}
	if more := len(all) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	if len(names) > 0 {
		say(out, "Players report %s: metaserver admin reports", strings.Join(names, ", "))
	}
}

func adminReportsResolveCommand(f *adminFlags) *cobra.Command {
	var note string
	cmd := &cobra.Command{
		Use:   "resolve ENTRY-ID --note TEXT",
		Short: "Be done with the open reports about an entry",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.Resolved, error) {
				return c.ResolveReports(cmd.Context(), args[0], note)
			}, func(out io.Writer, r api.Resolved) {
				say(out, "Done with %s about %s.", plural(r.Reports, "report"), r.EntryID)
			})
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "what came of them; admins read it")
	cmd.MarkFlagRequired("note")
	return cmd
}
