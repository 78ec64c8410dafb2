package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/spf13/cobra"
)

// signFlags are those of "trust sign".
type signFlags struct {
	key            string
	passphraseFile string
	trust          string
	agent          bool
	yes            bool
	json           bool
}

func trustSignCommand() *cobra.Command {
	var f signFlags
	cmd := &cobra.Command{
		Use:   "sign DRAFT --key FILE [--agent] [--trust FILE]",
		Short: "Look at a trust document, and add your signature",
		Long: `Print what DRAFT says and what it changes of the document before, sign it, and
add the signature to the file. On a terminal you are asked first. Each admin does
so in turn; the file is all that they exchange. With --agent the private key stays
in the ssh-agent, and FILE may be the public key alone ("ssh-add -L" prints those
of an agent).

Compare on the phone: the SHA-256 of the text with who drafted it, and the
fingerprint of each key that comes with whose key it is ("metaserver key show",
"ssh-keygen -lf" and "ssh-add -l" print it).

A new document needs the threshold of the document before it and its own. The one
before is looked for beside DRAFT and in trust/ there, or from --trust on. Sign
before it is published: no signatures are added later.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, args[0])
		},
	}
	cmd.Flags().StringVar(&f.key, "key", "", "your key file")
	cmd.Flags().StringVar(&f.passphraseFile, "passphrase-file", "", "file with the key's passphrase; asked for without it")
	cmd.Flags().StringVar(&f.trust, "trust", "", "a trust document of the chain, to find the one before DRAFT")
	cmd.Flags().BoolVar(&f.agent, "agent", false, "sign with the ssh-agent that SSH_AUTH_SOCK names")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, and do not ask")
	cmd.MarkFlagRequired("key")
	return cmd
}

func (f *signFlags) run(cmd *cobra.Command, path string) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	if strings.HasSuffix(f.key, keyfile.PublicSuffix) && !f.agent {
		return withHint(&usageError{fmt.Sprintf("--key %s is a public key, which cannot sign", f.key)},
			"Add --agent if an ssh-agent holds the private one; else give the private key's file.")
	}
	if path == "-" {
		return &usageError{"DRAFT must be a file, because the signature is added to it"}
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link stays one
	}
	s, key, err := f.prepare(cmd, path)
	if err != nil {
		return err
	}
	if !f.json {
		if err := f.show(cmd, s, key); err != nil {
			return err
		}
	}
	note, err := f.sign(ctx, s, key)
	if err != nil {
		return err
	}
	if err := s.replace(ctx, note); err != nil {
		return err
	}
	if f.json {
		o := s.output(nil)
		o.File, o.Signer = path, key.Name()
		if own := s.ownCaution(key); own != "" {
			o.Cautions = append(o.Cautions, own)
		}
		return printJSON(out, o)
	}
	say(out, "Signed by %s.", key.Name())
	s.printNeeds(out)
	return nil
}

// prepare finds out who would sign what, and refuses what is of no use, before
// anybody is asked for a passphrase.
func (f *signFlags) prepare(cmd *cobra.Command, path string) (*signing, keys.VerifierKey, error) {
	key, err := publicOf(f.key)
	if err != nil {
		return nil, key, err
	}
	s, err := openSigning(cmd.Context(), cmd.ErrOrStderr(), path, f.trust)
	if err == nil {
		if err = s.readSignatures(); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}
	if err == nil {
		err = s.checkOpen(cmd.Context(), cmd.ErrOrStderr())
	}
	if err == nil {
		key, err = s.nameOf(key)
	}
	if err == nil && slices.Contains(s.signers, key) {
		err = withHint(fmt.Errorf("%s has signed this document already; nothing was changed", key.Name()), "A threshold counts each key once. \"metaserver trust show\" tells who can sign.")
	}
	return s, key, err
}

// show prints what is to be signed, and asks. What nobody can read is not signed.
func (f *signFlags) show(cmd *cobra.Command, s *signing, key keys.VerifierKey) error {
	var text bytes.Buffer
	s.describe(&text)
	if _, err := cmd.OutOrStdout().Write(text.Bytes()); err != nil {
		return withHint(fmt.Errorf("nothing was signed: what %s says could not be written to standard output", s.path), "Look where the output goes: a full disk, or a file that is closed?")
	}
	if own := s.ownCaution(key); own != "" {
		say(cmd.ErrOrStderr(), "CAUTION: %s.", own)
	}
	return f.confirm(cmd, s, key)
}

// ownCaution says what becomes of the signer's own key; "": nothing.
func (s *signing) ownCaution(key keys.VerifierKey) string {
	isKey := func(r keys.Revocation) bool { return bytes.Equal(r.Key.Public(), key.Public()) }
	role, _ := s.doc.Role(keys.RoleTrust)
	switch {
	case slices.ContainsFunc(s.doc.Revoked, isKey):
		return fmt.Sprintf("it revokes %s, the key that you sign with: that counts for the document before, and is the last time", key.Name())
	case !slices.Contains(role.Keys, key.Name()):
		return fmt.Sprintf("%s, the key that you sign with, is not in the role trust of this document: it is the last one that it can sign", key.Name())
	}
	return ""
}

// confirm asks a person at a terminal. Scripts are not asked: the command says
// what they want.
func (f *signFlags) confirm(cmd *cobra.Command, s *signing, key keys.VerifierKey) error {
	if f.yes || !isTerminal(os.Stdin) {
		return nil
	}
	yes, err := (&asker{in: os.Stdin, out: cmd.ErrOrStderr()}).yes(cmd.Context(),
		fmt.Sprintf("Sign document %d as %s?", s.doc.Version, cleanText(key.Name())))
	if err == nil && !yes {
		err = errDeclined
	}
	return err
}

func (f *signFlags) sign(ctx context.Context, s *signing, key keys.VerifierKey) ([]byte, error) {
	if f.agent {
		return signByAgent(ctx, s.data, key)
	}
	signer, err := loadSigner(f.key, key, keyPassphrase(ctx, f.key, f.passphraseFile))
	if err != nil {
		return nil, err
	}
	return keys.AddSignatures(s.data, signer)
}

// signByAgent waits as long as the agent does: it may ask a person for each
// signature.
func signByAgent(ctx context.Context, data []byte, key keys.VerifierKey) (note []byte, err error) {
	agent, err := keyfile.OpenAgent("")
	if err != nil {
		return nil, err
	}
	defer agent.Close()
	defer context.AfterFunc(ctx, func() { agent.Close() })()
	waiting := startNote(os.Stderr, "waiting for the ssh-agent ...")
	signer, err := agent.Signer(key)
	if err == nil {
		note, err = keys.AddSignatures(data, signer)
	}
	waiting.stop()
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	return note, err
}

// replace writes the signed document, unless somebody else has changed the file
// while this one was asked.
func (s *signing) replace(ctx context.Context, note []byte) error {
	now, _, err := readDraftFile(ctx, s.path)
	if err != nil || !bytes.Equal(now, s.data) {
		return withHint(fmt.Errorf("%s was changed or removed while you were signing; nothing was written", s.path), "Look at it again, and sign again.")
	}
	if err := replaceFile(s.path, note); err != nil {
		return err
	}
	s.data = note
	return s.readSignatures()
}
