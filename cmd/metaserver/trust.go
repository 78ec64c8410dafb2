package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/spf13/cobra"
)

// maxTrust is above the largest trust document, in bytes.
const maxTrust = keys.MaxTrustText + 1 + keys.MaxSignatureBlock + 1

func trustCommand() *cobra.Command {
	return group("trust", "Make, sign, show and fetch trust documents",
		trustNewCommand(), trustSignCommand(), trustShowCommand(), trustFetchCommand())
}

func trustShowCommand() *cobra.Command {
	var pinned string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show FILE [--trust FILE]",
		Short: "Print a trust document, or a draft of one, and what it changes",
		Long: `Print what a trust document says: its keys with their fingerprints, roles,
thresholds and revocations; what it changes of the document before; and whether it
is a draft, who still must sign it, or whether it holds.

The document before is looked for beside FILE and in trust/ there. With --trust,
FILE must be the pinned document or follow from it. The exit status is 1 if it does
not, or if FILE is signed and does not hold.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openSigning(cmd.Context(), cmd.ErrOrStderr(), args[0], pinned)
			if err != nil {
				return err
			}
			read := s.readSignatures()
			standing, err := s.standing(cmd.Context(), read, pinned)
			if err != nil {
				err = fmt.Errorf("%s does not hold: %w", args[0], err)
			}
			out := cmd.OutOrStdout()
			if asJSON {
				return errors.Join(printJSON(out, s.output(err)), reported(err))
			}
			s.describe(out)
			if read == nil && !s.complete() {
				s.printNeeds(out)
			}
			if err != nil {
				return err
			}
			say(out, "%s", standing)
			return nil
		},
	}
	cmd.Flags().StringVar(&pinned, "trust", "", "a pinned trust document that FILE must follow from")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// readDraftFile reads a trust document, signed or not, whose line ends an editor or
// a transfer may have changed. Nothing in it is verified.
func readDraftFile(ctx context.Context, path string) (data []byte, doc *keys.Trust, err error) {
	if data, err = readTrustFile(ctx, path); err != nil {
		return nil, nil, err
	}
	if data, err = keys.NormalizeLines(data); err == nil {
		doc, err = keys.ReadDraft(keys.DraftText(data))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, doc, nil
}

// standing says in a line what the signatures are worth. read is the error of
// reading them.
func (s *signing) standing(ctx context.Context, read error, pinned string) (string, error) {
	if read != nil {
		return "", read
	}
	if err := s.checkNumber(ctx); err != nil {
		return "", err
	}
	sum := fmt.Sprintf("SHA-256 %x", sha256.Sum256(s.data))
	switch {
	case s.chain != nil && s.isDraft():
		return "", withHint(errors.New("it is a draft that nobody has signed"), "Who can sign is told above.")
	case s.chain != nil:
		if _, err := judgeTrust(s.data, s.chain); err != nil {
			return "", s.whileSigning(err)
		}
		return fmt.Sprintf("It follows from %s. %s", pinned, sum), nil
	case s.isDraft():
		return "It is a DRAFT that nobody has signed.", nil
	case s.isKnown() && s.before != nil:
		if err := s.holds(); err != nil {
			return "", s.whileSigning(err)
		}
		return fmt.Sprintf("It follows from %s; that this is the right one, only its hash or --trust can tell. %s", s.beside, sum), nil
	}
	chain, err := keys.NewChain(s.data)
	if err != nil {
		return "", s.whileSigning(err)
	}
	return fmt.Sprintf("It holds by itself, signed by %s; that it is the right one, only its hash or --trust can tell.\n%s",
		strings.Join(keyNames(chain.Pinned().Signers()), ", "), sum), nil
}

// whileSigning adds what it means that signatures are missing.
func (s *signing) whileSigning(err error) error {
	if !s.lacks() {
		return err
	}
	return withHint(err, "That is normal while it is being signed. Who can sign is told above.")
}

// describeTrust prints a document in words. Nothing in it is verified.
func describeTrust(w io.Writer, t *keys.Trust) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Trust document %d of %s, epoch %d, issued %s, to be reviewed by %s\n",
		t.Version, t.Origin, t.Epoch, formatTime(t.Issued), formatTime(t.ReviewBy))
	for _, k := range t.Keys {
		fmt.Fprintf(&b, "  key    %s %s\n", k.Name(), keyfile.Fingerprint(k))
	}
	for _, r := range t.Roles {
		fmt.Fprintf(&b, "  role   %s: %d of %s\n", r.Name, r.Threshold, strings.Join(r.Keys, ", "))
	}
	for _, r := range t.Revoked {
		fmt.Fprintf(&b, "  revoke %s since %s: %s %s\n", r.Key.Name(), formatTime(r.Since), r.Word, keyfile.Fingerprint(r.Key))
	}
	for _, f := range t.Extra {
		fmt.Fprintf(&b, "  not understood: %s %s\n", f.Key, f.Value)
	}
	io.WriteString(w, cleanText(b.String()))
}
