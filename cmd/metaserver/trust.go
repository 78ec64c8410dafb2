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
	"github.com/signed-metaserver/metaserver/serverlist"
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
		Short: "Print a trust document, or a draft of one, in words",
		Long: `Print what a trust document says: its keys, roles, thresholds and revocations,
and whether it is a draft or holds. With --trust, the document must be the
pinned one or follow from it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, doc, err := readDraftFile(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			standing, err := standingOf(cmd.Context(), cmd.ErrOrStderr(), data, args[0], pinned)
			if err != nil {
				err = fmt.Errorf("%s does not hold: %w", args[0], err)
			}
			if asJSON {
				return errors.Join(printJSON(cmd.OutOrStdout(), trustOutputOf(doc, data, err)), reported(err))
			}
			describeTrust(cmd.OutOrStdout(), doc)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", standing)
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
	if typ := claimedType(data); typ == serverlist.TypeServerList || typ == serverlist.TypeMirrorList {
		return nil, nil, withHint(fmt.Errorf("%s is a list (%s), not a trust document", path, typ), "metaserver verify shows what a list says.")
	}
	if data, err = keys.NormalizeLines(data); err == nil {
		doc, err = keys.ReadDraft(keys.DraftText(data))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, doc, nil
}

// standingOf says in a line what the signatures are worth.
func standingOf(ctx context.Context, notes io.Writer, data []byte, path, pinned string) (string, error) {
	if pinned != "" {
		chain, err := (&chainWalk{pinned: pinned, subject: path, notes: notes}).load(ctx)
		if err != nil {
			return "", err
		}
		if _, err := judgeTrust(data, chain); err != nil {
			return "", err
		}
		return fmt.Sprintf("It follows from %s. SHA-256 %x", pinned, sha256.Sum256(data)), nil
	}
	if len(keys.DraftText(data)) == len(data) {
		return "It is a DRAFT that nobody has signed.", nil
	}
	chain, err := keys.NewChain(data)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("It holds by itself, signed by %s; that it is the right one, only its hash or --trust can tell.\nSHA-256 %x",
		strings.Join(keyNames(chain.Pinned().Signers()), ", "), sha256.Sum256(chain.Pinned().Bytes())), nil
}

// describeTrust prints a document in words. Nothing in it is verified.
func describeTrust(w io.Writer, t *keys.Trust) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Trust document %d of %s, epoch %d, issued %s, to be reviewed by %s\n",
		t.Version, t.Origin, t.Epoch, formatTime(t.Issued), formatTime(t.ReviewBy))
	for _, k := range t.Keys {
		fmt.Fprintf(&b, "  key    %s (id %08x)\n", k.Name(), k.ID())
	}
	for _, r := range t.Roles {
		fmt.Fprintf(&b, "  role   %s: %d of %s\n", r.Name, r.Threshold, strings.Join(r.Keys, ", "))
	}
	for _, r := range t.Revoked {
		fmt.Fprintf(&b, "  revoke %s since %s: %s\n", r.Key.Name(), formatTime(r.Since), r.Word)
	}
	for _, f := range t.Extra {
		fmt.Fprintf(&b, "  not understood: %s %s\n", f.Key, f.Value)
	}
	io.WriteString(w, cleanText(b.String()))
}
