package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/spf13/cobra"
)

func trustSignCommand() *cobra.Command {
	var keyPath, passphraseFile, pinned string
	var useAgent bool
	cmd := &cobra.Command{
		Use:   "sign DRAFT --key FILE [--agent] [--trust FILE]",
		Short: "Add your signature to a trust document",
		Long: `Print what DRAFT says, sign it, and add the signature to the file. Each admin
does so in turn. With --agent the private key stays in the ssh-agent, and FILE
may be the public key alone.

A new document needs the threshold of the document before it and its own. Whether
it has both is told if the document before is found: beside DRAFT, in trust/
there, or through --trust. Sign before it is published: none are added later.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.HasSuffix(keyPath, keyfile.PublicSuffix) && !useAgent {
				return withHint(&usageError{fmt.Sprintf("--key %s is a public key, which cannot sign", keyPath)},
					"Add --agent if an ssh-agent holds the private one; else give the private key's file.")
			}
			data, doc, err := readDraftFile(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			s := signing{path: args[0], doc: doc}
			if err := s.findBefore(cmd.Context(), cmd.ErrOrStderr(), pinned); err != nil {
				return err
			}
			if err := s.checkOpen(data, cmd.ErrOrStderr()); err != nil {
				return err
			}
			describeTrust(cmd.OutOrStdout(), doc)
			note, name, err := signDraft(cmd.Context(), data, keyPath, passphraseFile, useAgent)
			if err != nil {
				return err
			}
			if err := replaceFile(args[0], note); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Signed by %s.\n%s\n", name, s.describe(note, name))
			return nil
		},
	}
	cmd.Flags().StringVar(&keyPath, "key", "", "your key file")
	cmd.Flags().StringVar(&passphraseFile, "passphrase-file", "", "file with the key's passphrase; asked for without it")
	cmd.Flags().StringVar(&pinned, "trust", "", "a trust document of the chain, to find the one before DRAFT")
	cmd.Flags().BoolVar(&useAgent, "agent", false, "sign with the ssh-agent that SSH_AUTH_SOCK names")
	cmd.MarkFlagRequired("key")
	return cmd
}

func signDraft(ctx context.Context, data []byte, keyPath, passphraseFile string, useAgent bool) (note []byte, name string, err error) {
	if useAgent {
		return signByAgent(data, keyPath)
	}
	signer, err := loadSigner(keyPath, keyPassphrase(ctx, keyPath, passphraseFile))
	if err != nil {
		return nil, "", err
	}
	return addSignature(data, signer)
}

func signByAgent(data []byte, keyPath string) (note []byte, name string, err error) {
	key, err := publicOf(keyPath)
	if err != nil {
		return nil, "", err
	}
	agent, err := keyfile.OpenAgent("")
	if err != nil {
		return nil, "", err
	}
	defer agent.Close()
	signer, err := agent.Signer(key)
	if err != nil {
		return nil, "", err
	}
	return addSignature(data, signer)
}

func addSignature(data []byte, signer *keys.Signer) (note []byte, name string, err error) {
	note, err = keys.AddSignatures(data, signer)
	return note, signer.VerifierKey().Name(), err
}
