package main

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/signed-metaserver/metaserver/root/setup"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/spf13/cobra"
)

// rootAdminsCommand holds what only who has the data folder may do.
func rootAdminsCommand() *cobra.Command {
	var data string
	cmd := group("admins", "List, add and remove admins of a root",
		rootAdminsListCommand(&data),
		rootAdminsAddCommand(&data),
		rootAdminsRemoveCommand(&data),
	)
	cmd.Long = `List, add and remove admins of a root. Whoever has a token is an admin, and all
admins may do the same; the audit log says which of them did what, and that an
admin was added or removed. The root may run meanwhile. Run it as the user that
the root runs as, so that no file of the database becomes another's.`
	cmd.PersistentFlags().StringVar(&data, "data", "", "the data folder")
	cmd.MarkPersistentFlagRequired("data")
	return cmd
}

// adminLine is an admin in JSON.
type adminLine struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
}

func rootAdminsListCommand(data *string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list --data DIR",
		Short: "List the admins that have a token",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := setup.Admins(cmd.Context(), *data)
			if err != nil {
				return err
			}
			if asJSON {
				lines := []adminLine{}
				for _, a := range all {
					lines = append(lines, adminLine{a.Name, a.Created})
				}
				return printJSON(cmd.OutOrStdout(), lines)
			}
			printAdmins(cmd.OutOrStdout(), all)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printAdmins(out io.Writer, all []store.Admin) {
	if len(all) == 0 {
		say(out, "No admin has a token: \"metaserver root admins add\" makes one.")
		return
	}
	t := newTable(out, "NAME", "SINCE")
	for _, a := range all {
		row(t, a.Name, formatTime(a.Created))
	}
	t.Flush()
}

func rootAdminsAddCommand(data *string) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "add NAME --data DIR [--token-file FILE]",
		Short: "Give a new admin a token",
		Long: `Make a token for a new admin, valid at once, and write it to FILE, which only
you can read; without --token-file that is NAME.token in the data folder. Hand it
over by a way that nobody else reads, and remove the file: the root keeps a hash
only. NAME stands in the audit log beside all that the token is used for.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				file = filepath.Join(*data, args[0]+".token")
			}
			if err := setup.AddAdmin(cmd.Context(), *data, args[0], file); err != nil {
				return err
			}
			say(cmd.OutOrStdout(), "%s is an admin now. The token is in %s.", args[0], file)
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "token-file", "", "new file for the token")
	return cmd
}

func rootAdminsRemoveCommand(data *string) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME --data DIR",
		Short: "Make an admin's token useless",
		Long: `Make the token of an admin useless, at once. What the admin did stays in the audit
log. The token of the first admin has the name admin.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			left, err := setup.RemoveAdmin(cmd.Context(), *data, args[0])
			if err != nil {
				return withHint(err, "\"metaserver root admins list\" names those that there are.")
			}
			say(cmd.OutOrStdout(), "%s is no admin any more.", args[0])
			if left == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning: nobody has a token now; \"metaserver root admins add\" makes one.")
			}
			return nil
		},
	}
}
