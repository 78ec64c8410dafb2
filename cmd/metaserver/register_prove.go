package main

import (
	"fmt"
	"io"
	"net"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/signedrequest"
	"github.com/spf13/cobra"
)

func registerProveCommand() *cobra.Command {
	var o ownerCommand
	var check bool
	var listen string
	cmd := &cobra.Command{
		Use:   "prove --status-file FILE [--check | --listen ADDRESS | --sign KEYFILE --origin NAME]",
		Short: "Prove that the address, or the key, of a request is yours",
		Long: `Prove that what a request names is yours. Nobody has to; it helps the admin to
decide. Without more flags it says what to put where: a TXT record in DNS, or a
file on a web server at the same host. With --check the root looks for it now.
With --listen :PORT this command itself answers at the server's port while the
root looks, if it runs on the server's machine; a game server that uses TCP there
must make room for a moment. With --sign the server's own key, which the request
must name, signs the proof.

A proof holds for the addresses of the request: when they change it is void.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if check && o.sign != "" || listen != "" && (check || o.sign != "") {
				return &usageError{"give --check, --listen or --sign, one at a time"}
			}
			return o.prove(cmd, check, listen)
		},
	}
	o.register(cmd.Flags())
	o.registerSigning(cmd.Flags())
	cmd.Flags().BoolVar(&check, "check", false, "let the root look for the record and the file now")
	cmd.Flags().StringVar(&listen, "listen", "", "answer here with the proof while the root looks, as :13327")
	return cmd
}

func (o *ownerCommand) prove(cmd *cobra.Command, check bool, listen string) error {
	secret, s, err := o.begin(cmd)
	if err != nil {
		return err
	}
	id, p := s.ID, s.Proof
	if p == nil && s.Open != nil {
		id, p = s.Open.ID, s.Open.Proof
	}
	if p == nil {
		return fmt.Errorf("there is nothing to prove: registration %s is %s, and no edit of yours waits for an admin", s.ID, s.Status)
	}
	var checked api.ProofChecked
	switch {
	case check:
		checked, err = clientOf(secret).CheckProof(cmd.Context(), secret)
	case listen != "":
		checked, err = provePort(cmd.Context(), secret, listen, p)
	case o.sign != "":
		checked, err = o.proveKey(cmd, secret, id, p)
	default:
		return o.printHow(cmd.OutOrStdout(), p)
	}
	if err != nil {
		return explainSecret(err)
	}
	return o.printChecked(cmd.OutOrStdout(), checked)
}

func (o *ownerCommand) proveKey(cmd *cobra.Command, secret, id string, p *api.Proof) (api.ProofChecked, error) {
	signer, err := serverSigner(cmd.Context(), o.sign, o.passphrase)
	if err != nil {
		return api.ProofChecked{}, err
	}
	note, err := signedrequest.New(o.origin, id, signedrequest.Prove, []byte(p.Token), time.Now()).Sign(signer)
	if err != nil {
		return api.ProofChecked{}, err
	}
	return clientOf(secret).ProveKey(cmd.Context(), secret, api.KeyProof{Request: string(note)})
}

// printHow says what to put where.
func (o *ownerCommand) printHow(out io.Writer, p *api.Proof) error {
	if o.json {
		return printJSON(out, p)
	}
	printProven(out, p)
	say(out, "Put this line:\n  %s", oneLine(p.Record))
	for _, place := range p.Places {
		if place.TXT != "" {
			say(out, "into a TXT record:\n  %s", oneLine(place.TXT))
		}
		say(out, "or into a file, one line among others:\n  %s", oneLine(place.URL))
	}
	say(out, "and then let the root look:\n  metaserver register prove %s --check", o.status.again())
	for _, address := range p.Ports {
		_, port, _ := net.SplitHostPort(address)
		say(out, "or answer with the line yourself, on the machine of %s:\n  metaserver register prove %s --listen :%s", oneLine(address), o.status.again(), oneLine(port))
	}
	if p.Key != "" {
		say(out, "or let the server's key sign:\n  metaserver register prove %s --sign KEYFILE --origin NAME", o.status.again())
	}
	return nil
}

// printChecked reports what was found. Nothing found is a failure.
func (o *ownerCommand) printChecked(out io.Writer, c api.ProofChecked) error {
	if o.json {
		if err := printJSON(out, c); err != nil {
			return err
		}
	} else {
		printChecked(out, c)
	}
	if len(c.Proof.Proven) == 0 {
		return errReported
	}
	return nil
}

func printChecked(out io.Writer, c api.ProofChecked) {
	printProven(out, &c.Proof)
	for _, m := range c.Missing {
		say(out, "Not proven: %s, by %s: %s", oneLine(m.Subject), m.Kind, oneLine(m.Problem))
	}
}
