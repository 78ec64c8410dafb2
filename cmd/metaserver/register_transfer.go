package main

import (
	"errors"
	"os"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func registerTransferCommand() *cobra.Command {
	var o ownerCommand
	var to, out string
	cmd := &cobra.Command{
		Use:   "transfer --status-file FILE --to EMAIL",
		Short: "Offer an entry to another owner",
		Long: `Offer a listed entry to another owner. What is printed is a URL for them, a secret
that is good once and for a week; "register take-over" takes it. An admin has to
agree. Until then the entry is yours; afterwards your status URL shows the state
only. A newer offer takes the place of this one.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error { return o.offer(cmd, to, out) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&to, "to", "", "e-mail address of the new owner")
	cmd.Flags().StringVar(&out, "out", "", "new file for the URL, in place of the screen")
	cmd.MarkFlagRequired("to")
	return cmd
}

func (o *ownerCommand) offer(cmd *cobra.Command, to, path string) error {
	secret, err := o.status.read(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	var f *os.File
	if path != "" {
		if f, err = newSecretFile(path); err != nil {
			return err
		}
	}
	offer, err := clientOf(secret).OfferTransfer(cmd.Context(), secret, api.Offer{Email: to})
	if err != nil {
		if f != nil {
			err = errors.Join(explainSecret(err), f.Close(), os.Remove(path))
		}
		return explainSecret(err)
	}
	where := offer.URL
	if f != nil {
		if err := writeSecret(f, offer.URL); err != nil {
			return withHint(errors.Join(err, os.Remove(path)), "Offer it again: a newer offer takes the place of this one.")
		}
		where, offer.URL = path, ""
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), offer)
	}
	say(cmd.OutOrStdout(), "Entry %s is offered to %s until %s. Give them, on a safe way: %s", offer.EntryID, to, formatTime(offer.Expires), where)
	return nil
}

func registerTakeOverCommand() *cobra.Command {
	var take api.TakeOver
	var offerFile, offerURL, statusFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "take-over --offer-file FILE --email EMAIL",
		Short: "Take over an entry that its owner has offered",
		Long: `Ask for an entry that its owner has offered, with the URL that they gave you. An
admin decides. The status URL that is printed is yours: from the approval on it
changes, withdraws and transfers the entry. --status-file FILE keeps it in a new
file.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (offerFile == "") == (offerURL == "") {
				return &usageError{"give --offer-file, or --offer - and the URL on standard input"}
			}
			offer, err := readSecretURL(cmd.Context(), cmd.ErrOrStderr(), offerFile, offerURL)
			if err != nil {
				return err
			}
			return keepStatus(cmd, statusFile, asJSON, func() (api.Accepted, error) {
				a, err := clientOf(offer).TakeOver(cmd.Context(), offer, take)
				if p, ok := asProblem(err); ok && p.Status == 404 {
					return a, withHint(err, "An offer is good once and for a week, and a newer one takes its place: ask the owner for another.")
				}
				return a, explainProblem(err)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&offerFile, "offer-file", "", "file with the URL of the offer")
	flags.StringVar(&offerURL, "offer", "", "the URL of the offer itself; - reads it from standard input")
	flags.StringVar(&take.Email, "email", "", "your e-mail address, to which the entry was offered")
	flags.StringVar(&take.Key, "key", "", "the server's new ed25519 public key, base64; without it the entry has none any more")
	flags.StringVar(&statusFile, "status-file", "", "new file for the status URL")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	cmd.MarkFlagRequired("email")
	return cmd
}

// asProblem returns the root's refusal, if err is one.
func asProblem(err error) (*api.Problem, bool) {
	var p *api.Problem
	ok := errors.As(err, &p)
	return p, ok
}
