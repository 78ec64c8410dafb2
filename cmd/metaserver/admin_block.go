package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func adminBlockCommand(f *adminFlags) *cobra.Command {
	cmd := group("block", "Refuse requests by where they come from or what they ask for",
		adminBlockAddCommand(f), adminBlockListCommand(f), adminBlockRemoveCommand(f))
	cmd.Long = `Refuse requests by where they come from or what they ask for. A block is

  a network    192.0.2.7, 192.0.2.0/24, 2001:db8::/48: requests from there, and
               those that name an address there
  a domain     spam.example: it and all names below it, as host of an address or of
               a mirror's URL, in the website, or in the e-mail address
  a pattern    '*casino*', 'name:admin', 'email:*@trash.example': texts, where "*"
               stands for any characters and "?" for one, without regard to case.
               It has to fit the whole text. Without "name:", "description:",
               "email:" or "url:" before it any of them will do.

Requests of servers and of mirrors are judged alike. The names of a mirror are its
id and its operator; its region and contact count as a description.

What is blocked is answered with 403 and not stored. Requests that wait already
stay, and are marked in "pending" and "show".`
	return cmd
}

func adminBlockAddCommand(f *adminFlags) *cobra.Command {
	var b api.NewBlock
	var until string
	cmd := &cobra.Command{
		Use:   "add VALUE --reason R [--public TEXT] [--until WHEN]",
		Short: "Add a block, or give one another reason and end",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b.Value = args[0]
			ends, err := parseUntil(until, time.Now())
			if err != nil {
				return err
			}
			b.Ends = ends
			return work(cmd, f, func(c *api.Client) (api.Block, error) {
				return c.AddBlock(cmd.Context(), b)
			}, func(out io.Writer, b api.Block) {
				say(out, "Block %s: %s %s, %s.", b.ID, b.Kind, b.Value, untilText(b.Ends))
			})
		},
	}
	cmd.Flags().StringVar(&b.Reason, "reason", "", "why; admins read it")
	cmd.Flags().StringVar(&b.Public, "public", "", "what who is refused reads")
	cmd.Flags().StringVar(&b.Kind, "kind", "", "network, domain or pattern; default: what the value looks like")
	choose(cmd, "kind", "network", "domain", "pattern")
	cmd.Flags().StringVar(&until, "until", "", untilHelp)
	cmd.MarkFlagRequired("reason")
	return cmd
}

const untilHelp = "when it ends: a day (2026-12-31, UTC), a time (2026-12-31T12:00:00Z), or a number of days (30d); default: never"

// parseUntil reads when something ends; nil: never.
func parseUntil(text string, now time.Time) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36500 {
			t := now.UTC().Truncate(time.Second).AddDate(0, 0, n)
			return &t, nil
		}
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return &t, nil
		}
	}
	return nil, &usageError{fmt.Sprintf("--until %q is no time; write 2026-12-31, 2026-12-31T12:00:00Z or 30d", text)}
}

func untilText(ends *time.Time) string {
	if ends == nil {
		return "without an end"
	}
	return "until " + formatTime(*ends)
}

func adminBlockListCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the blocks, and how many requests each has refused since the root was started",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) ([]api.Block, error) { return c.Blocks(cmd.Context()) }, printBlocks)
		},
	}
}

func printBlocks(out io.Writer, all []api.Block) {
	if len(all) == 0 {
		say(out, "There is no block.")
		return
	}
	t := newTable(out, "ID", "KIND", "VALUE", "ENDS", "REFUSED", "BY", "REASON")
	for _, b := range all {
		ends := "never"
		if b.Ends != nil {
			ends = formatTime(*b.Ends)
		}
		if b.Ended {
			ends = "has ended"
		}
		row(t, b.ID, b.Kind, b.Value, ends, strconv.FormatInt(b.Refused, 10), b.Admin, b.Reason)
	}
	t.Flush()
}

func isBlockID(s string) bool {
	return len(s) > 1 && s[0] == 'b' && strings.Trim(s[1:], "0123456789") == ""
}

func adminBlockRemoveCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "remove ID",
		Short: "Remove a block",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !isBlockID(args[0]) {
				return withHint(&usageError{fmt.Sprintf("%q is not the id of a block, as b1", args[0])}, "\"metaserver admin block list\" shows the ids.")
			}
			return work(cmd, f, func(c *api.Client) (api.Removed, error) {
				return c.RemoveBlock(cmd.Context(), args[0])
			}, func(out io.Writer, r api.Removed) { say(out, "Block %s is removed.", r.ID) })
		},
	}
}

// blockedBy says which block a request that waits would run into today.
func blockedBy(b *api.Block) string {
	return fmt.Sprintf("blocked by %s (%s %s): %s", b.ID, b.Kind, b.Value, b.Reason)
}
