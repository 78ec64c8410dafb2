package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func adminEntriesCommand(f *adminFlags) *cobra.Command {
	var game, state string
	cmd := &cobra.Command{
		Use:   "entries [--game SLUG] [--state listed|suspended|revoked]",
		Short: "List the entries, those that are out of the list too",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) ([]api.Entry, error) {
				return c.Entries(cmd.Context(), game, state)
			}, printEntries)
		},
	}
	cmd.Flags().StringVar(&game, "game", "", "of this game only")
	cmd.Flags().StringVar(&state, "state", "", "in this state only: listed, suspended or revoked")
	choose(cmd, "state", "listed", "suspended", "revoked")
	return cmd
}

func printEntries(out io.Writer, all []api.Entry) {
	if len(all) == 0 {
		say(out, "There is no such entry.")
		return
	}
	t := newTable(out, "ID", "STATE", "NAME", "ADDRESS", "GAME", "UPDATED")
	for _, e := range all {
		row(t, e.ID, e.State, e.Name, strings.Join(e.Addresses, ","), e.Game, ago(e.Updated))
	}
	t.Flush()
}

func adminEntryCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "entry ENTRY-ID",
		Short: "Show one entry with its history",
		Long: `Show one entry with its history: its state, the registrations that made it what
it is, and the notes of admins. "audit --subject ENTRY-ID" shows who did what.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.Entry, error) { return c.Entry(cmd.Context(), args[0]) }, printEntry)
		},
	}
}

func printEntry(out io.Writer, e api.Entry) {
	f := newFacts(out)
	f.line("id", e.ID)
	f.line("state", e.State)
	f.line("name", e.Name)
	f.line("addresses", strings.Join(e.Addresses, ", "))
	f.line("game", e.Game)
	f.line("description", e.Description)
	f.line("version", e.Version)
	f.line("website", e.Website)
	f.line("key", e.Key)
	f.line("listed", fmt.Sprintf("%s (%s)", formatTime(e.Created), ago(e.Created)))
	f.line("updated", fmt.Sprintf("%s (%s)", formatTime(e.Updated), ago(e.Updated)))
	f.line("owner", e.Owner)
	if p := e.Suspended; p != nil {
		f.line("suspended", fmt.Sprintf("%s by %s, %s: %s", formatTime(p.Since), p.Admin, untilText(p.Ends), p.Reason))
	}
	f.line("reason", e.Reason)
	if a := e.Alive; a != nil {
		f.line("server", fmt.Sprintf("%s since %s, looked at %s", a.State, formatTime(a.Since), ago(a.Checked)))
	}
	if e.Reports > 0 {
		f.line("reports", fmt.Sprintf("%d open (\"admin reports\" shows them)", e.Reports))
	}
	for _, l := range e.Looks {
		f.line("look", strings.TrimSpace(formatTime(l.At)+" "+l.State+" "+l.Error))
	}
	for _, r := range e.Registrations {
		f.line("history", entryChangeText(r))
	}
	for _, n := range e.Notes {
		f.line("note", noteText(n))
	}
	f.Flush()
}

func entryChangeText(r api.EntryChange) string {
	text := fmt.Sprintf("%s %s, %s, sent %s", r.ID, r.Kind, r.Status, formatTime(r.Created))
	if r.Decided != nil {
		text += fmt.Sprintf(", decided %s by %s", formatTime(*r.Decided), decider(r.Admin))
	}
	if r.Reason != "" {
		text += ", reason: " + r.Reason
	}
	return text
}

func noteText(n api.Note) string { return fmt.Sprintf("%s %s: %s", formatTime(n.At), n.Admin, n.Text) }

func adminSuspendCommand(f *adminFlags) *cobra.Command {
	var reason, until string
	var entries entryIDs
	cmd := &cobra.Command{
		Use:   "suspend ENTRY-ID... --reason R [--until WHEN]",
		Short: "Take servers out of the list for a while",
		Long: `Take a server out of the list for a while. Its id, its owner and its claim to its
name and addresses are kept. It comes back with "resume", or by itself when the
time is over.` + entryIDsHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			ends, err := parseUntil(until, time.Now())
			if err != nil {
				return err
			}
			return eachEntry(cmd, f, &entries, args, "suspend", func(c *api.Client, id string) (api.Entry, error) {
				return c.Suspend(cmd.Context(), id, api.Suspend{Reason: reason, Ends: ends})
			}, func(out io.Writer, e api.Entry) {
				say(out, "Entry %s is suspended, %s.", e.ID, untilText(e.Suspended.Ends))
			})
		},
	}
	entries.flags(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why; the owner reads it")
	cmd.Flags().StringVar(&until, "until", "", untilHelp)
	cmd.MarkFlagRequired("reason")
	return cmd
}

func adminResumeCommand(f *adminFlags) *cobra.Command {
	var entries entryIDs
	cmd := &cobra.Command{
		Use:   "resume ENTRY-ID...",
		Short: "Put suspended servers back into the list",
		Long: `Put suspended servers back into the list. One that the root itself has suspended,
since nothing answered there, stays for the whole grace time again.` + entryIDsHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			return eachEntry(cmd, f, &entries, args, "resume", func(c *api.Client, id string) (api.Entry, error) {
				return c.Resume(cmd.Context(), id)
			}, func(out io.Writer, e api.Entry) { say(out, "Entry %s is %s again.", e.ID, e.State) })
		},
	}
	entries.flags(cmd)
	return cmd
}

func adminRevokeCommand(f *adminFlags) *cobra.Command {
	var reason string
	var entries entryIDs
	cmd := &cobra.Command{
		Use:   "revoke ENTRY-ID... --reason R",
		Short: "Take servers out of the list",
		Long: `Take servers out of the list for good. "suspend" does it for a while.` + entryIDsHelp + `
An edition that would lose more than 20 percent of the list, or with which a day
would, waits for "confirm".`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return eachEntry(cmd, f, &entries, args, "revoke", func(c *api.Client, id string) (api.Decided, error) {
				return c.Revoke(cmd.Context(), id, reason)
			}, func(out io.Writer, d api.Decided) {
				say(out, "Entry %s is %s.", d.EntryID, d.Status)
			})
		},
	}
	entries.flags(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why; the requester reads it")
	cmd.MarkFlagRequired("reason")
	return cmd
}

func adminNoteCommand(f *adminFlags) *cobra.Command {
	var entry bool
	cmd := &cobra.Command{
		Use:   "note ID TEXT [--entry]",
		Short: "Note something down about a registration or an entry, for admins only",
		Long: `Note something down about a registration ("r12") or an entry. "show" and "entry"
print the notes; nobody else ever reads them. --entry says that an id which looks
like that of a registration is an entry's.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.Note, error) {
				if isID(args[0]) && !entry {
					return c.NoteRegistration(cmd.Context(), args[0], args[1])
				}
				return c.NoteEntry(cmd.Context(), args[0], args[1])
			}, func(out io.Writer, n api.Note) { say(out, "Noted: %s", noteText(n)) })
		},
	}
	cmd.Flags().BoolVar(&entry, "entry", false, "the id is that of an entry")
	return cmd
}
