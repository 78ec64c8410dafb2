package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/signedrequest"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const ownersHelp = `

The status URL comes from --status-file, or from --status - on standard input.
Of a request that still waits this takes effect at once; of a listed entry an
admin decides.`

const signedHelp = `
With --sign KEYFILE the server's own key signs the request (--origin names the
root that it is meant for), and what the admin has allowed for signed requests
takes effect at once.`

// An ownerCommand is a command of the owner of a request or an entry.
type ownerCommand struct {
	status     secretFlags
	json       bool
	sign       string // key file
	passphrase string // file
	origin     string
}

func (o *ownerCommand) register(flags *pflag.FlagSet) {
	o.status.register(flags)
	flags.BoolVar(&o.json, "json", false, "print JSON")
}

func (o *ownerCommand) registerSigning(flags *pflag.FlagSet) {
	flags.StringVar(&o.sign, "sign", "", "file of the server's own private key, which signs the request")
	flags.StringVar(&o.passphrase, "passphrase-file", "", "file with the passphrase of that key; an empty file means none")
	flags.StringVar(&o.origin, "origin", "", "name of the root that the request is signed for, as ms.example.org")
}

func registerEditCommand() *cobra.Command {
	var o ownerCommand
	var req api.RegistrationRequest
	var probe string
	members := pflag.NewFlagSet("members", pflag.ContinueOnError)
	registrationFlags(members, &req, &probe)
	cmd := &cobra.Command{
		Use:   "edit --status-file FILE [--name N] [--description D] ...",
		Short: "Change a request, or ask for an entry to be changed",
		Long: `Change a request, or ask for an entry to be changed. What is not given stays as it
is; an empty value removes what may be absent. An edit back to what is listed
takes back what was asked for.` + ownersHelp + signedHelp,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !anyChanged(members) {
				return &usageError{"name what to change, as --description D; to take back what waits, use \"metaserver register withdraw\""}
			}
			return o.edit(cmd, func(e *api.Edit) { applyFlags(cmd.Flags(), &req, probe, e) })
		},
	}
	o.register(cmd.Flags())
	o.registerSigning(cmd.Flags())
	cmd.Flags().AddFlagSet(members)
	return cmd
}

// anyChanged says whether one of the flags was given.
func anyChanged(flags *pflag.FlagSet) (given bool) {
	flags.VisitAll(func(f *pflag.Flag) { given = given || f.Changed })
	return given
}

// applyFlags changes what was given.
func applyFlags(flags *pflag.FlagSet, req *api.RegistrationRequest, probe string, e *api.Edit) {
	for name, set := range map[string]func(){
		"name":           func() { e.Name = req.Name },
		"address":        func() { e.Addresses = req.Addresses },
		"game":           func() { e.Game = req.Game },
		"email":          func() { e.Email = req.Email },
		"description":    func() { e.Description = req.Description },
		"server-version": func() { e.Version = req.Version },
		"region":         func() { e.Region = req.Region },
		"language":       func() { e.Languages = req.Languages },
		"tag":            func() { e.Tags = req.Tags },
		"website":        func() { e.Website = req.Website },
		"key":            func() { e.Key = req.Key },
		"probe":          func() { e.Probe = probeOf(probe) },
	} {
		if flags.Changed(name) {
			set()
		}
	}
}

func probeOf(protocol string) *api.Probe {
	if protocol == "" {
		return nil
	}
	return &api.Probe{Protocol: protocol}
}

func registerMoveCommand() *cobra.Command {
	var o ownerCommand
	var addresses []string
	cmd := &cobra.Command{
		Use:   "move --status-file FILE --address HOST:PORT",
		Short: "Ask for an entry to be moved to another address",
		Long: `Ask for an entry to be moved to other addresses, which take the place of all that
it has. It stays the same entry. What was proven of the former addresses is void:
"register prove" proves the new ones.` + ownersHelp + signedHelp,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.edit(cmd, func(e *api.Edit) { e.Addresses = addresses })
		},
	}
	o.register(cmd.Flags())
	o.registerSigning(cmd.Flags())
	cmd.Flags().StringArrayVar(&addresses, "address", nil, "host:port, in order of preference; may be given more than once")
	cmd.MarkFlagRequired("address")
	return cmd
}

// edit sends what is there now with a change.
func (o *ownerCommand) edit(cmd *cobra.Command, change func(*api.Edit)) error {
	secret, s, err := o.begin(cmd)
	if err != nil {
		return err
	}
	if s.Server == nil {
		return notOwners(s)
	}
	change(s.Server)
	if o.sign != "" {
		return o.sendSigned(cmd, secret, s, signedrequest.Edit, s.Server)
	}
	r, err := clientOf(secret).Edit(cmd.Context(), secret, *s.Server)
	if err != nil {
		return explainSecret(err)
	}
	return o.print(cmd.OutOrStdout(), r)
}

// begin reads the status URL and asks for the state.
func (o *ownerCommand) begin(cmd *cobra.Command) (string, api.Status, error) {
	if o.sign != "" && o.origin == "" {
		return "", api.Status{}, withHint(&usageError{"--sign needs --origin, the name of the root"}, "The root's admin knows it (\"root show\"), and the first line of its server.list is it.")
	}
	secret, err := o.status.read(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return "", api.Status{}, err
	}
	s, err := statusAt(cmd, secret)
	return secret, s, err
}

func notOwners(s api.Status) error {
	if s.Owner || s.Status != "pending" && s.Status != "approved" {
		return fmt.Errorf("registration %s is %s: there is nothing to change any more", s.ID, s.Status)
	}
	return withHint(fmt.Errorf("this status URL of registration %s is not its owner's: it shows the state only", s.ID),
		"The URL that the first request got is the owner's; after a transfer, the new owner's. An admin can help who has lost it.")
}

// print tells what has become of a request.
func (o *ownerCommand) print(out io.Writer, r api.Request) error {
	if o.json {
		return printJSON(out, r)
	}
	switch {
	case r.Status == "withdrawn":
		say(out, "Request %s is withdrawn.", r.ID)
	case r.Kind == "new":
		say(out, "Registration %s is changed (revision %d). An admin decides.", r.ID, r.Revision)
	default:
		say(out, "Request %s (%s) is %s: an admin decides.", r.ID, r.Kind, r.Status)
		printChanges(out, r.Changes)
	}
	return nil
}

func registerWithdrawCommand() *cobra.Command {
	var o ownerCommand
	cmd := &cobra.Command{
		Use:   "withdraw --status-file FILE",
		Short: "Take a request back, or ask for an entry to be taken out of the list",
		Long: `Take back a request that waits, or ask for an entry to be taken out of the list.
An admin decides about the latter, too: a status URL that got lost must not be
enough to take a server off the list.` + ownersHelp,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, s, err := o.begin(cmd)
			if err != nil {
				return err
			}
			if o.sign != "" {
				return o.sendSigned(cmd, secret, s, signedrequest.Withdraw, nil)
			}
			r, err := clientOf(secret).Withdraw(cmd.Context(), secret)
			if err != nil {
				return explainSecret(err)
			}
			return o.print(cmd.OutOrStdout(), r)
		},
	}
	o.register(cmd.Flags())
	o.registerSigning(cmd.Flags())
	return cmd
}

// sendSigned signs what an owner wants with the server's own key.
func (o *ownerCommand) sendSigned(cmd *cobra.Command, secret string, s api.Status, action signedrequest.Action, e *api.Edit) error {
	if s.Listing == nil || !s.Listing.Listed {
		return withHint(fmt.Errorf("registration %s is %s and not listed: a key speaks for listed entries only", s.ID, s.Status), "Leave out --sign.")
	}
	var content []byte
	if e != nil {
		var err error
		if content, err = json.Marshal(e); err != nil {
			return err
		}
	}
	note, err := o.signRequest(cmd.Context(), s.Listing.EntryID, action, content)
	if err != nil {
		return err
	}
	r, err := clientOf(secret).SendSigned(cmd.Context(), s.Listing.EntryID, api.SignedRequest{Request: string(note), Content: string(content)})
	if err != nil {
		return explainProblem(err)
	}
	return o.printSigned(cmd.OutOrStdout(), r)
}

// signRequest signs a request about a subject with the key of --sign.
func (o *ownerCommand) signRequest(ctx context.Context, subject string, action signedrequest.Action, content []byte) ([]byte, error) {
	signer, err := serverSigner(ctx, o.sign, o.passphrase)
	if err != nil {
		return nil, err
	}
	return signedrequest.New(o.origin, subject, action, content, time.Now()).Sign(signer)
}

// serverSigner loads the private key of a server. Its name is of no importance.
func serverSigner(ctx context.Context, path, passphraseFile string) (*keys.Signer, error) {
	if strings.HasSuffix(path, keyfile.PublicSuffix) {
		return nil, withHint(&usageError{fmt.Sprintf("--sign %s is a public key, which cannot sign", path)}, "Give the private key's file, which lies beside it.")
	}
	signer, err := keyfile.Load(path, "server", keyPassphrase(ctx, path, passphraseFile))
	if errors.Is(err, keyfile.ErrNeedsPassphrase) {
		return nil, withHint(err, "Give --passphrase-file FILE.")
	}
	return signer, err
}

func (o *ownerCommand) printSigned(out io.Writer, r api.SignedResult) error {
	switch {
	case o.json:
		return printJSON(out, r)
	case !r.Done && r.Request != nil:
		return o.print(out, *r.Request)
	case len(r.Changed) == 0:
		say(out, "Entry %s is listed like this already.", r.EntryID)
	default:
		say(out, "Entry %s is changed; the next edition of the list shows it.", r.EntryID)
	}
	return nil
}
