package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func adminRegisterCommand(f *adminFlags) *cobra.Command {
	var req api.RegistrationRequest
	var probe string
	cmd := &cobra.Command{
		Use:   "register --name N --address HOST:PORT --game G --email E --description D",
		Short: "Put a server's registration into the queue, through the admin listener",
		Long: `Put a server's registration into the queue, through the admin listener: for a
root without a public listener, whose requests come by mail or telephone. It is
approved like any other.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			complete(&req, probe)
			return work(cmd, f, func(c *api.Client) (api.Accepted, error) {
				return c.RegisterByAdmin(cmd.Context(), req)
			}, func(out io.Writer, a api.Accepted) {
				say(out, "Registration %s is %s.", a.ID, a.Status)
			})
		},
	}
	registrationFlags(cmd.Flags(), &req, &probe)
	for _, name := range requiredOfServer {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}

func adminPendingCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "pending",
		Short: "List the registrations that wait for a decision",
		Long: `List the registrations that wait for a decision, and say of which listed servers
players have reported something ("metaserver admin reports" shows what).`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			var reports []api.Reports
			return work(cmd, f, func(c *api.Client) ([]api.Registration, error) {
				list, err := c.Pending(cmd.Context())
				if err == nil && !f.json {
					reports, err = c.Reports(cmd.Context())
				}
				return list, err
			}, func(out io.Writer, list []api.Registration) {
				printPending(out, list)
				printReported(out, reports)
			})
		},
	}
}

// printPending prints one line a registration, and below it what it has in
// common with others.
func printPending(out io.Writer, list []api.Registration) {
	if len(list) == 0 {
		say(out, "Nothing waits for a decision.")
		return
	}
	rows := make([]remarkedRow, 0, len(list))
	for _, r := range list {
		one := remarkedRow{cells: []string{r.ID, r.Name, strings.Join(r.Addresses, ","), r.Game, ago(r.Created), r.Source, probed(r.Findings)}}
		remark := func(text string) { one.remarks = append(one.remarks, text) }
		if r.Revision > 1 {
			remark("! " + changed(r.LastSource, r.Requests, r.Revision))
		}
		if len(r.Scripts) > 1 {
			remark("! the name mixes " + strings.Join(r.Scripts, " and "))
		}
		for _, c := range r.Conflicts {
			remark("! " + common(c) + " " + other(c))
		}
		if r.Block != nil {
			remark("! " + blockedBy(r.Block))
		}
		if r.EntryID != "" {
			remark(ownerNote(r))
		}
		rows = append(rows, one)
	}
	printRemarked(out, []string{"ID", "NAME", "ADDRESS", "GAME", "SENT", "FROM", "PROBE"}, rows)
}

// changed says that a request, of a server or a mirror, is not what was sent
// first, and how to approve only what one has looked at. lastSource is empty if
// all came from one source.
func changed(lastSource string, requests, revision int) string {
	by := "from the same source"
	if lastSource != "" {
		by = "from another source, " + hostOf(lastSource)
	}
	return fmt.Sprintf("changed after it was first sent, %s (%s); approve it with --revision %d", by, plural(requests, "request"), revision)
}

// common says what a request has in common with what follows.
func common(c api.Conflict) string {
	switch c.Kind {
	case "look-alike":
		return "name looks like that of"
	case "host":
		return "resolves to the address of"
	}
	return "same " + c.Kind + " as"
}

// conflictText says what is shared with whom. What names that look alike share is
// no name but what both are reduced to, which tells people nothing.
func conflictText(c api.Conflict) string {
	text := common(c) + " " + other(c)
	if c.Kind == "look-alike" {
		return text
	}
	return text + ": " + c.Value
}

// decider names who has decided about a request: an admin, or nobody when it
// was taken back.
func decider(admin string) string {
	if admin == "" {
		return "its sender"
	}
	return admin
}

// other names what a conflict is with.
func other(c api.Conflict) string {
	if c.EntryID != "" {
		return "listed entry " + c.EntryID
	}
	return "registration " + c.Registration
}

func adminShowCommand(f *adminFlags) *cobra.Command {
	var look bool
	cmd := &cobra.Command{
		Use:   "show ID [--look]",
		Short: "Show one registration with all that is known of it",
		Long: `Show one registration with all that is known of it: what DNS says about its
hosts and about where the request came from, whether a server answers, what it
has in common with listed entries and other requests, and what else the same
people have asked for.

The root looks at a server soon after the request came, and seldom twice at one
host. --look makes it look now.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.Registration, error) {
				if look {
					return c.Look(cmd.Context(), args[0])
				}
				return c.Registration(cmd.Context(), args[0])
			}, printRegistration)
		},
	}
	cmd.Flags().BoolVar(&look, "look", false, "look at the server again, now")
	return cmd
}

func printRegistration(out io.Writer, r api.Registration) {
	f := newFacts(out)
	f.line("id", r.ID)
	f.line("status", r.Status)
	f.line("name", r.Name)
	f.line("addresses", strings.Join(r.Addresses, ", "))
	f.line("game", r.Game)
	f.line("description", r.Description)
	f.line("version", r.Version)
	f.line("region", r.Region)
	f.line("languages", strings.Join(r.Languages, ", "))
	f.line("tags", strings.Join(r.Tags, ", "))
	f.line("website", r.Website)
	f.line("key", r.Key)
	for _, e := range r.Endpoints {
		f.line("endpoint", e.Role+": "+e.Address+" ("+e.Protocol+")")
	}
	f.line("e-mail", r.Email+" (never published)")
	f.line("sent", fmt.Sprintf("%s (%s), %s", formatTime(r.Created), ago(r.Created), howOften(r.Requests)))
	f.line("from", hostOf(r.Source))
	f.line("last from", hostOf(r.LastSource))
	f.line("revision", strconv.Itoa(r.Revision))
	if r.Revision > 1 {
		f.line("! changed", changed(r.LastSource, r.Requests, r.Revision))
	}
	f.line("entry", r.EntryID)
	ownerLines(r, f.line)
	if r.Decided != nil {
		f.line("decided", formatTime(*r.Decided)+" by "+decider(r.Admin))
	}
	f.line("reason", r.Reason)
	if r.Status == "pending" || r.Findings != nil {
		findingLines(r.Findings, f.line)
	}
	if r.Block != nil {
		f.line("! block", blockedBy(r.Block))
	}
	for _, n := range r.Notes {
		f.line("note", noteText(n))
	}
	for _, p := range r.History {
		f.line("history", pastText(p))
	}
	if len(r.Scripts) > 1 {
		f.line("! name", "it mixes "+strings.Join(r.Scripts, " and ")+" letters")
	}
	for _, c := range r.Conflicts {
		f.line("! conflict", conflictText(c))
	}
	f.Flush()
}

func adminApproveCommand(f *adminFlags) *cobra.Command {
	var how api.Approval
	var chosen selection
	cmd := &cobra.Command{
		Use:   "approve ID... [--revision N] [--id ENTRY-ID]",
		Short: "List the servers of registrations",
		Long: `List the server of a registration. The entry's id is made from the name unless
--id gives it; it stays for the entry's life and is never given again. The list
that shows the server is published within two seconds.

Whoever sent a request may change it while it waits. --revision N approves only
what "show" and "pending --json" have shown as revision N, and refuses what has
changed since.

--replace with --id puts the server in the place of a listed one that has moved;
the entry is then the requester's. A request that updates an entry and was not
sent with its owner's URL leaves the entry its owner's: --new-owner gives it to
the requester, as when the owner has lost the URL.` + selectionHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen.ids = args
			if err := chosen.check(); err != nil {
				return err
			}
			if how.Replace && how.EntryID == "" {
				return &usageError{"--replace needs --id, the entry to replace"}
			}
			if chosen.many() {
				if how != (api.Approval{}) {
					return &usageError{"--revision, --id, --replace and --new-owner go with one registration"}
				}
				return decideMany(cmd, f, &chosen, "approve", func(seen []api.Seen) api.Decisions { return api.Decisions{Approve: seen} })
			}
			return work(cmd, f, func(c *api.Client) (api.Decided, error) {
				return c.Approve(cmd.Context(), args[0], how)
			}, printApproved)
		},
	}
	cmd.Flags().IntVar(&how.Revision, "revision", 0, "refuse if the registration has another revision by now; 0: any")
	cmd.Flags().StringVar(&how.EntryID, "id", "", "id of the entry, [a-z0-9-]")
	cmd.Flags().BoolVar(&how.NewOwner, "new-owner", false, "the entry that it updates is the requester's from now on")
	cmd.Flags().BoolVar(&how.Replace, "replace", false, "the entry exists, and this server takes its place")
	chosen.flags(cmd)
	return cmd
}

func adminRejectCommand(f *adminFlags) *cobra.Command {
	var reason string
	var chosen selection
	cmd := &cobra.Command{
		Use:   "reject ID... --reason R",
		Short: "Turn registrations down",
		Long:  "Turn registrations down. Each requester reads the reason." + selectionHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen.ids = args
			if err := chosen.check(); err != nil {
				return err
			}
			if chosen.many() {
				return decideMany(cmd, f, &chosen, "reject", func(seen []api.Seen) api.Decisions {
					return api.Decisions{Reject: seen, Reason: reason}
				})
			}
			return work(cmd, f, func(c *api.Client) (api.Decided, error) {
				return c.Reject(cmd.Context(), args[0], reason)
			}, func(out io.Writer, d api.Decided) {
				say(out, "Registration %s is %s.", d.ID, d.Status)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; the requester reads it")
	cmd.MarkFlagRequired("reason")
	chosen.flags(cmd)
	return cmd
}
