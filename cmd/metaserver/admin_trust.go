package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func adminTrustCommand(f *adminFlags) *cobra.Command {
	return group("trust", "Publish trust documents and show those in force",
		adminTrustPublishCommand(f),
		adminTrustShowCommand(f),
		adminTrustListCommand(f),
	)
}

func adminTrustPublishCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "publish FILE",
		Short: "Publish the next trust document; returns when it is served",
		Long: `Publish the next trust document, which "metaserver trust new" and "trust sign"
made. The root verifies it, signs both lists again under it, with the same
entries, and serves all three together. It goes on running.

The root must have the private key of a list key that the document names for the
roles list and mirrors: put it into keys/ of its data folder first. A running
root opens it if it has no passphrase, or the one that the root was started with.

The document that is in force already may be published again: nothing happens.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			document, err := readTrustFile(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return work(cmd, f, func(c *api.Client) (api.TrustPublished, error) {
				published, err := c.PublishTrust(cmd.Context(), document)
				return published, explainNumber(err)
			}, printTrustPublished)
		},
	}
}

// explainNumber adds what to do when a document is not the next one: somebody has
// published meanwhile, or one between is missing.
func explainNumber(err error) error {
	var p *api.Problem
	if errors.As(err, &p) && strings.Contains(p.Detail, "(bad-number)") {
		return withHint(err, "If one between is missing, publish that first. Was another one published meanwhile? Put the newest, trust/N.trust of the root or of a mirror, into your folder trust/, and draft again: metaserver trust new.")
	}
	return err
}

func printTrustPublished(out io.Writer, p api.TrustPublished) {
	if p.Already {
		say(out, "Trust document %d is in force already; nothing was published. SHA-256 %s", p.Trust.Version, p.Trust.SHA256)
		return
	}
	say(out, "Trust document %d is in force, epoch %d, SHA-256 %s", p.Trust.Version, p.Trust.Epoch, p.Trust.SHA256)
	for _, l := range p.Lists {
		printListState(out, l)
	}
}

func adminTrustListCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the trust documents",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) ([]api.Trust, error) {
				return c.Trust(cmd.Context())
			}, printTrustList)
		},
	}
}

func printTrustList(out io.Writer, all []api.Trust) {
	t := newTable(out, "NUMBER", "EPOCH", "ISSUED", "SIGNED BY", "SHA-256")
	for _, d := range all {
		row(t, strconv.FormatInt(d.Version, 10), strconv.FormatInt(d.Epoch, 10), formatTime(d.Issued), strings.Join(d.Signers, ","), d.SHA256)
	}
	t.Flush()
}

func adminTrustShowCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "show [NUMBER]",
		Short: "Print a trust document in words; the one in force without NUMBER",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := trustNumber(args)
			if err != nil {
				return err
			}
			var all []api.Trust
			return work(cmd, f, func(c *api.Client) (api.Trust, error) {
				var err error
				if all, err = c.Trust(cmd.Context()); err != nil {
					return api.Trust{}, err
				}
				return pickTrust(all, number)
			}, func(out io.Writer, t api.Trust) { printTrust(out, all, t) })
		},
	}
}

// trustNumber reads the number of a document; 0: the newest.
func trustNumber(args []string) (int64, error) {
	if len(args) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil || n < 1 {
		return 0, &usageError{fmt.Sprintf("%q is not the number of a trust document", args[0])}
	}
	return n, nil
}

func pickTrust(all []api.Trust, number int64) (api.Trust, error) {
	for _, t := range all {
		if t.Version == number {
			return t, nil
		}
	}
	if number == 0 && len(all) > 0 {
		return all[len(all)-1], nil
	}
	return api.Trust{}, fmt.Errorf("there is no trust document %d here; the newest is %d", number, len(all))
}

// printTrust prints a document, and what it changed of the one before.
func printTrust(out io.Writer, all []api.Trust, t api.Trust) {
	doc, err := keys.ReadDraft(keys.DraftText([]byte(t.Document)))
	if err != nil {
		say(out, "%s", t.Document)
		return
	}
	describeTrust(out, doc)
	if earlier, err := pickTrust(all, t.Version-1); err == nil && t.Version > 1 {
		if before, err := keys.ReadDraft(keys.DraftText([]byte(earlier.Document))); err == nil {
			d := differenceOf(before, doc)
			d.File = "of this root"
			d.print(out, doc)
		}
	}
	say(out, "Signed by %s. SHA-256 %s", strings.Join(t.Signers, ", "), t.SHA256)
}
