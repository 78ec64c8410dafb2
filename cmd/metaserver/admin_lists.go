package main

import (
	"io"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func adminListsCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "lists",
		Short: "Show how the publishing of the lists goes",
		Args:  noArguments,
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
		say(out, "%s: version %d, %s, issued %s", l.Name, l.Version, plural(l.Entries, "entry"), ago(*l.Issued))
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
more than 10, of the entries at once, or together with other editions of the last
day. LIST is server.list or mirror.list, N the number that "metaserver admin lists"
shows. If the list changes again meanwhile and still loses as many, that needs
another confirmation.`,
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
