package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

// adminMirrorsCommand holds what is done with the mirror list. None of it
// contacts a mirror.
func adminMirrorsCommand(f *adminFlags) *cobra.Command {
	return group("mirrors", "Keep the mirror list",
		adminMirrorsListCommand(f),
		adminMirrorsAddCommand(f),
		adminMirrorsRemoveCommand(f),
	)
}

func adminMirrorsListCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the mirrors",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) ([]api.Mirror, error) {
				return c.Mirrors(cmd.Context())
			}, printMirrors)
		},
	}
}

func printMirrors(out io.Writer, list []api.Mirror) {
	if len(list) == 0 {
		say(out, "There is no mirror.")
		return
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tOPERATOR\tURL")
	for _, m := range list {
		row(t, m.ID, m.Operator, strings.Join(m.URLs, ","))
	}
	t.Flush()
}

func adminMirrorsAddCommand(f *adminFlags) *cobra.Command {
	var m api.Mirror
	cmd := &cobra.Command{
		Use:   "add --id I --operator O --url U",
		Short: "Add a mirror; returns when the mirror list with it is served",
		Long: `Add a mirror to the signed mirror list. The mirror is not contacted. The command
returns when the list that names it is served.

A URL that ends in "/" is the folder of server.list, mirror.list and trust/; any
other URL is the server list itself.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.Published, error) {
				return c.AddMirror(cmd.Context(), m)
			}, func(out io.Writer, p api.Published) {
				say(out, "Mirror %s is in the mirror list, version %d.", p.ID, p.Version)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&m.ID, "id", "", "id of the mirror, [a-z0-9-]")
	flags.StringVar(&m.Operator, "operator", "", "who runs it; clients spread over operators")
	flags.StringArrayVar(&m.URLs, "url", nil, "its URL; may be given more than once")
	flags.StringVar(&m.Region, "region", "", "where it stands")
	flags.StringVar(&m.Contact, "contact", "", "public contact of the operator")
	for _, name := range []string{"id", "operator", "url"} {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}

func adminMirrorsRemoveCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "remove ID",
		Short: "Remove a mirror; returns when the mirror list without it is served",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.Published, error) {
				return c.RemoveMirror(cmd.Context(), args[0])
			}, func(out io.Writer, p api.Published) {
				say(out, "Mirror %s is out of the mirror list, version %d.", p.ID, p.Version)
			})
		},
	}
}

func adminListsCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "lists",
		Short: "Show how the publishing of the lists goes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) ([]api.List, error) {
				return c.Lists(cmd.Context())
			}, func(out io.Writer, lists []api.List) {
				for _, l := range lists {
					printListState(out, l)
				}
			})
		},
	}
}

func printListState(out io.Writer, l api.List) {
	if l.Issued == nil {
		say(out, "%s: nothing is published yet", l.Name)
	} else {
		say(out, "%s: version %d, %d entries, issued %s", l.Name, l.Version, l.Entries, ago(*l.Issued))
	}
	if l.Failure != "" {
		say(out, "  ! %s", l.Failure)
	}
	if l.Confirm != 0 {
		say(out, "  to publish it: metaserver admin confirm %s --change %d", l.Name, l.Confirm)
	}
}

func adminConfirmCommand(f *adminFlags) *cobra.Command {
	var change int64
	cmd := &cobra.Command{
		Use:   "confirm LIST --change N",
		Short: "Publish a list although it loses many entries",
		Long: `Publish an edition that waits because it would lose more than 20 percent, and
more than 10, of the entries at once. LIST is server.list or mirror.list, N the
number that "metaserver admin lists" shows. If the list changes again meanwhile
and still loses as many, that needs another confirmation.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.List, error) {
				return c.Confirm(cmd.Context(), args[0], change)
			}, func(out io.Writer, l api.List) {
				say(out, "Change %d of %s is confirmed and will be published.", change, l.Name)
			})
		},
	}
	cmd.Flags().Int64Var(&change, "change", 0, "the change to confirm")
	cmd.MarkFlagRequired("change")
	return cmd
}
