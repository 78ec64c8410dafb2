package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/signed-metaserver/metaserver/root/examine"
	"github.com/spf13/cobra"
)

func rootCheckCommand() *cobra.Command {
	var place rootPlace
	var passphraseFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check --data DIR | --config FILE",
		Short: "Find out what is wrong with a root, and what to do about it",
		Long: `Look at everything that a root depends on, whether it runs or not, and print
each finding in one line, with the remedy: the configuration, proxies, who may
read what, room on the disk, the database (whole? of this version?), the trust
document and its review date, keys that should not lie here or do not open,
whether the loss of one key would end the root, the published documents (do they
verify, are they fresh?), whether the root runs and is ready, or else whether its
ports are free, TLS certificates, what the public URL serves, mirrors and their
clocks, targets, and the mail server. Nothing is changed.

An encrypted list key is opened with --passphrase-file, or with
$CREDENTIALS_DIRECTORY/passphrase (systemd); without them it is only looked for.

The exit status is 1 if there is an error, and 0 if there are none or warnings
only.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			note := startNote(cmd.ErrOrStderr(), "looking ...")
			found := examine.Check(cmd.Context(), examine.Config{
				Data: place.data, File: place.config,
				Passphrase: checkPassphrase(cmd.Context(), passphraseFile),
			})
			note.stop()
			if cmd.Context().Err() != nil {
				return errInterrupted // what was found last is about the interrupt
			}
			if asJSON {
				return errors.Join(printJSON(cmd.OutOrStdout(), found), statusOfRoot(found))
			}
			for _, f := range found {
				printRootFinding(cmd.OutOrStdout(), f)
			}
			return statusOfRoot(found)
		},
	}
	place.addTo(cmd)
	cmd.Flags().StringVar(&passphraseFile, "passphrase-file", "", "file with the passphrase of the list key")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// checkPassphrase returns nil where nobody has given a passphrase: nobody is asked
// for one, because the rest is worth looking at without it.
func checkPassphrase(ctx context.Context, file string) func() ([]byte, error) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); file == "" && dir != "" {
		file = filepath.Join(dir, "passphrase")
		if _, err := os.Stat(file); err != nil {
			return nil
		}
	}
	if file == "" {
		return nil
	}
	return func() ([]byte, error) { return readPassphrase(ctx, file) }
}

func printRootFinding(out io.Writer, f examine.Finding) {
	line := fmt.Sprintf("%-7s %s", f.Level, f.Subject)
	if f.Where != "" {
		line += " " + f.Where
	}
	line += ": " + f.Text
	if f.Remedy != "" {
		line = strings.TrimSuffix(line, ".")
		if !strings.HasSuffix(line, "?") {
			line += "."
		}
		line += " " + f.Remedy
	}
	row(out, line)
}

func statusOfRoot(found []examine.Finding) error {
	for _, f := range found {
		if f.Level == examine.Bad {
			return errReported
		}
	}
	return nil
}
