package main

import (
	"io"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func adminForgetCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "forget EMAIL|ID|ADDRESS",
		Short: "Remove what is known of a person",
		Long: `Remove what the root knows of a person, who is named by an e-mail address, by the
id of a request or an entry, or by the address that requests came from: e-mail and
source addresses, requests that are not listed, messages to the person, notes
about the requests, and notes and reports of players that name the address or came
from it. Nothing of it is left in the database file.

An entry stays listed, and nobody owns it any more; revoke it if it is to go. What
else stays is shown, and why: the audit log is never changed, and what was
published is in many hands. Without this, addresses of requests are removed after
the days in [retention] of root.toml.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.Forgotten, error) {
				return c.Forget(cmd.Context(), args[0])
			}, func(out io.Writer, r api.Forgotten) {
				say(out, "Removed: %s; addresses out of %d more, %s, %s, %s.", plural(r.Removed, "request"), r.Blanked,
					plural(r.Messages, "message"), plural(r.Notes, "note"), plural(r.Reports, "report"))
				for _, left := range r.Left {
					say(out, "  left: %s", left)
				}
			})
		},
	}
}
