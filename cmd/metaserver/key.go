package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/spf13/cobra"
)

func keyCommand() *cobra.Command {
	return group("key", "Make and show signing keys", keyNewCommand(), keyShowCommand())
}

func keyNewCommand() *cobra.Command {
	var name, passphraseFile string
	cmd := &cobra.Command{
		Use:   "new FILE --name NAME",
		Short: "Make a signing key",
		Long: `Make an ed25519 key: FILE holds the private key in the format of OpenSSH, for
its owner only, and FILE.pub the public one. ssh-keygen and ssh-add read both.
(On Windows FILE is open to those to whom its folder is: keep it in your own.)
NAME is the key's name in trust documents, as ms.example.org/admin/alice.

The verifier key is printed on standard output: hand it to the admins who make
the next trust document. An existing file is never overwritten.

The passphrase comes from --passphrase-file (an empty file means none), or is
asked for on the terminal. Where there is neither, the private key is written
WITHOUT a passphrase, and that is told.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.HasSuffix(args[0], keyfile.PublicSuffix) {
				return &usageError{fmt.Sprintf("%s is the name of a public key; FILE is that of the private one", args[0])}
			}
			for _, path := range []string{args[0], args[0] + keyfile.PublicSuffix} {
				if _, err := os.Lstat(path); err == nil { // before anybody thinks of a passphrase
					return withHint(fmt.Errorf("%s exists already; nothing was written", path), "Give another FILE.")
				}
			}
			passphrase, err := newPassphrase(cmd.Context(), cmd.ErrOrStderr(), passphraseFile)
			if err != nil {
				return err
			}
			signer, err := keyfile.Create(args[0], name, passphrase)
			if p := new(fs.PathError); errors.As(err, &p) {
				return explainWrite(p.Path, err)
			}
			if err != nil {
				return err
			}
			noteUnencrypted(cmd.ErrOrStderr(), passphraseFile)
			fmt.Fprintf(cmd.ErrOrStderr(), "private key %s, public key %s%s, fingerprint %s\n", args[0], args[0], keyfile.PublicSuffix, keyfile.Fingerprint(signer.VerifierKey()))
			fmt.Fprintln(cmd.OutOrStdout(), signer.VerifierKey())
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the key's name in trust documents")
	cmd.Flags().StringVar(&passphraseFile, "passphrase-file", "", "file with the passphrase; an empty file means none; asked for without it")
	cmd.MarkFlagRequired("name")
	return cmd
}

func keyShowCommand() *cobra.Command {
	var asJSON, bare bool
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Print the verifier key of a key file",
		Long: `Print the verifier key of FILE, which is a public key, or a private one with its
public key beside it, and on standard error its fingerprint, to be compared on the
phone; ssh-keygen -lf and ssh-add -l print the same. --bare prints the public key alone, as the entry of a server
has it and "register --key" takes it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := publicOf(args[0])
			if err != nil {
				return err
			}
			public := base64.StdEncoding.EncodeToString(key.Public())
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{
					"name": key.Name(), "id": fmt.Sprintf("%08x", key.ID()), "fingerprint": keyfile.Fingerprint(key),
					"verifier_key": key.String(), "public_key": public,
				})
			}
			if bare {
				fmt.Fprintln(cmd.OutOrStdout(), public)
				return nil
			}
			fmt.Fprintln(cmd.OutOrStdout(), key)
			say(cmd.ErrOrStderr(), "%s has the fingerprint %s", key.Name(), keyfile.Fingerprint(key))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&bare, "bare", false, "print the public key alone, base64 of 32 bytes")
	return cmd
}

// publicOf returns the public key of a key file: of the file itself if it is
// one, else of the one beside it.
func publicOf(path string) (keys.VerifierKey, error) {
	public := path
	if !strings.HasSuffix(path, keyfile.PublicSuffix) {
		public += keyfile.PublicSuffix
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return keys.VerifierKey{}, fmt.Errorf("there is no key file %s", path)
	case err == nil && !info.Mode().IsRegular():
		return keys.VerifierKey{}, fmt.Errorf("%s is %s, not a key file", path, kindOf(info.Mode()))
	}
	key, err := keyfile.LoadPublic(public)
	if public != path && errors.Is(err, fs.ErrNotExist) {
		return key, withHint(fmt.Errorf("%s has no public key %s beside it: is it a key file?", path, public),
			fmt.Sprintf("If it is, copy its public key there, or make it anew: ssh-keygen -y -f %s > %s", path, public))
	}
	return key, err
}

// loadSigner returns a signer for the private key file of a key.
func loadSigner(path string, key keys.VerifierKey, passphrase func() ([]byte, error)) (*keys.Signer, error) {
	signer, err := keyfile.Load(path, key.Name(), passphrase)
	switch {
	case errors.Is(err, keyfile.ErrPassphrase):
		return nil, withHint(err, "Nothing was signed. \"ssh-keygen -y -f KEYFILE\" tries a passphrase out; without it the key is lost.")
	case errors.Is(err, keyfile.ErrNeedsPassphrase):
		return nil, withHint(err, "Nothing was signed. Give --passphrase-file FILE, or sign with --agent.")
	case err != nil:
		return nil, err
	case signer.VerifierKey() != key:
		return nil, withHint(fmt.Errorf("%s is not the public key of %s; nothing was signed", path+keyfile.PublicSuffix, path),
			fmt.Sprintf("Make it anew, with the key's name at its end: ssh-keygen -y -f %s", path))
	}
	return signer, nil
}

// keyPassphrase finds the passphrase of an existing key file.
func keyPassphrase(ctx context.Context, path, file string) func() ([]byte, error) {
	return func() ([]byte, error) {
		if file != "" {
			return readPassphrase(ctx, file)
		}
		if !isTerminal(os.Stdin) {
			return nil, withHint(fmt.Errorf("the key %s is encrypted and there is no terminal to ask for its passphrase", path), "Give --passphrase-file FILE, or sign with --agent.")
		}
		return askPassphrase(ctx, os.Stderr, "Passphrase of "+path+": ")
	}
}
