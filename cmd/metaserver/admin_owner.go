package main

import (
	"io"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func adminAllowCommand(f *adminFlags) *cobra.Command {
	var members []string
	var byDefault, none bool
	cmd := &cobra.Command{
		Use:   "allow ENTRY-ID {--member M... | --default | --none}",
		Short: "Say what an entry's own key may change without an admin",
		Long: `Say what the key of a listed entry may change by itself: any of addresses, version
and description. Requests that its key has signed and that change nothing else
take effect at once, are recorded in the audit log, and are in the next edition.
Everything else that an owner asks for waits in the queue.

Without a rule of its own an entry follows signed_changes in root.toml, which is
empty unless an admin has filled it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if given := btoi(len(members) > 0) + btoi(byDefault) + btoi(none); given != 1 {
				return &usageError{"give one of --member, --default and --none"}
			}
			return work(cmd, f, func(c *api.Client) (api.Allowed, error) {
				return c.Allow(cmd.Context(), args[0], api.Allowed{Members: members, Default: byDefault})
			}, printAllowed)
		},
	}
	cmd.Flags().StringSliceVar(&members, "member", nil, "addresses, version or description; may be given more than once")
	choose(cmd, "member", "addresses", "version", "description")
	cmd.Flags().BoolVar(&byDefault, "default", false, "what root.toml says")
	cmd.Flags().BoolVar(&none, "none", false, "nothing")
	return cmd
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func printAllowed(out io.Writer, a api.Allowed) {
	switch {
	case a.Default:
		say(out, "Entry %s follows signed_changes in root.toml.", a.EntryID)
	case len(a.Members) == 0:
		say(out, "The key of entry %s may change nothing by itself.", a.EntryID)
	default:
		say(out, "The key of entry %s may change by itself: %s.", a.EntryID, strings.Join(a.Members, ", "))
	}
}

func adminProveCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "prove ID",
		Short: "Look whether the requester of a registration controls its addresses",
		Long: `Look again, now, for the proof of control that a requester may give: a TXT record
in DNS or a file on a web server at the host. "admin show" shows what is proven,
how, and when.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.ProofChecked, error) {
				return c.Prove(cmd.Context(), args[0])
			}, printChecked)
		},
	}
}

// ownerLines tell what a registration asks for, what approval changes, who has
// sent it and what is proven.
func ownerLines(r api.Registration, line func(name, value string)) {
	if r.Kind != "new" {
		by := "by its owner"
		if r.Signed {
			by = "signed by the entry's key"
		}
		if r.Kind == "transfer" {
			by = "to whom its owner has offered it"
		}
		line("asks for", r.Kind+" of "+r.EntryID+", "+by)
	}
	if r.NotOwner {
		line("! owner", "it updates "+r.EntryID+" and was not sent with its owner's URL or key: the entry stays its owner's, unless you approve with --new-owner")
	}
	for _, c := range r.Changes {
		line("change", changeText(c))
	}
	if r.Proof == nil {
		return
	}
	for _, p := range r.Proof.Proven {
		line("proven", provenText(p))
	}
	if len(r.Proof.Proven) == 0 {
		line("proven", "nothing (\"admin prove\" looks again)")
	}
}

// ownerNote says on one line what is not a new server.
func ownerNote(r api.Registration) string {
	switch {
	case r.Kind == "edit":
		var names []string
		for _, c := range r.Changes {
			names = append(names, c.Field)
		}
		return "= changes entry " + r.EntryID + ": " + strings.Join(names, ", ")
	case r.Kind == "withdrawal":
		return "= takes entry " + r.EntryID + " out of the list"
	case r.Kind == "transfer":
		return "= gives entry " + r.EntryID + " to another owner"
	case r.NotOwner:
		return "= updates entry " + r.EntryID + "; not sent with its owner's URL or key"
	}
	return "= updates entry " + r.EntryID
}

func printApproved(out io.Writer, d api.Decided) {
	if d.EntryState == "revoked" {
		say(out, "Request %s is %s: entry %s (%s) is taken out of the list.", d.ID, d.Status, d.EntryID, d.Name)
		return
	}
	say(out, "Registration %s is %s: it is entry %s (%s, %s).", d.ID, d.Status, d.EntryID, d.Name, strings.Join(d.Addresses, ", "))
}
