package main

import (
	"fmt"
	"io"

	"github.com/signed-metaserver/metaserver/root/setup"
	"github.com/spf13/cobra"
)

func rootInitCommand() *cobra.Command {
	var cfg setup.Config
	var passphraseFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "init --data DIR --origin NAME [--public-url URL] [--passphrase-file FILE]",
		Short: "Make a root: keys, trust document, database, empty lists",
		Long: `Make the data folder of a root: an admin key, a recovery key and a list key,
the first trust document, a database, the first admin's token, an empty signed
server list and mirror list, and root.toml with the configuration.

NAME is the name of the directory for ever, as ms.example.org: lower-case
letters, digits, ".", "/" and "-", at most 128 bytes. It is never resolved.

The private keys are encrypted with a passphrase: that in --passphrase-file
(an empty file means none), or else one that is asked for on the terminal.
Where there is no terminal the keys are written without.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, err := newPassphrase(cmd.Context(), cmd.ErrOrStderr(), passphraseFile)
			if err != nil {
				return err
			}
			cfg.Passphrase = secret
			made, err := setup.Init(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			noteUnencrypted(cmd.ErrOrStderr(), passphraseFile)
			if asJSON {
				return printJSON(cmd.OutOrStdout(), made)
			}
			printInitialized(cmd.OutOrStdout(), made)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.Data, "data", "", "the data folder; it must be empty or absent")
	flags.StringVar(&cfg.Origin, "origin", "", "the name of the directory, as ms.example.org")
	flags.StringVar(&cfg.PublicURL, "public-url", "", "the URL under which the world reaches the root")
	flags.StringVar(&passphraseFile, "passphrase-file", "", "file with the passphrase of the new keys; an empty file means none")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	cmd.MarkFlagRequired("data")
	cmd.MarkFlagRequired("origin")
	return cmd
}

func printInitialized(out io.Writer, made setup.Made) {
	fmt.Fprintf(out, "The root %s is made.\n\n", made.Origin)
	row := func(name, value, note string) { fmt.Fprintf(out, "  %-15s %s%s\n", name, value, note) }
	row("trust document", made.Trust, "  (clients and mirrors pin it)")
	row("its SHA-256", made.TrustSHA256, "")
	row("configuration", made.Config, "")
	row("admin token", made.AdminToken, "  (for \"metaserver admin --token-file\")")
	row("list key", made.ListKey, "  (signs the lists, stays here)")
	row("admin key", made.AdminKey, "")
	row("recovery key", made.RecoveryKey, "")
	fmt.Fprintf(out, `
The admin key and the recovery key sign trust documents: whoever has one of them
decides which keys count. They are not needed to serve and belong off this
machine: move each to a medium of its own, and keep the two in different places.

Next: metaserver root serve --data %s
`, made.Data)
}
