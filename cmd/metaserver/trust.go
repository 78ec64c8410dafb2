package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

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

func trustFetchCommand() *cobra.Command {
	var root, sum, out string
	cmd := &cobra.Command{
		Use:   "fetch --root URL --sha256 H --out FILE",
		Short: "Fetch the trust document whose hash you were given",
		Long: `Fetch the trust document with the given SHA-256 from a root or mirror and write
it to FILE, to be pinned by a mirror or a launcher. Get the hash from the root's
admin by a way that the root's host does not control; "metaserver root show"
prints it. An existing file with other content is never replaced. FILE may be -
for standard output.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return fetchTrust(cmd, root, sum, out)
		},
	}
	cmd.Flags().StringVar(&root, "root", "", "base URL of the root or of a mirror's folder")
	cmd.Flags().StringVar(&sum, "sha256", "", "hash of the document, 64 hex digits")
	cmd.Flags().StringVar(&out, "out", "", "file to write; - for standard output")
	for _, name := range []string{"root", "sha256", "out"} {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}

// fetchTrust writes the document, and says which it is: beside the result if
// that goes to standard output.
func fetchTrust(cmd *cobra.Command, root, sum, out string) error {
	note := startNote(cmd.ErrOrStderr(), "looking for the trust document ...")
	data, err := findTrust(cmd.Context(), root, sum)
	note.stop()
	if err != nil {
		return err
	}
	doc, err := keys.ReadDraft(keys.DraftText(data))
	if err != nil {
		return err
	}
	about := fmt.Sprintf("trust document %d of %s, issued %s, to be reviewed by %s",
		doc.Version, doc.Origin, formatTime(doc.Issued), formatTime(doc.ReviewBy))
	if out == "-" {
		say(cmd.ErrOrStderr(), "%s", about)
		_, err := cmd.OutOrStdout().Write(data)
		return err
	}
	if err := writeNew(out, data); err != nil {
		return err
	}
	say(cmd.OutOrStdout(), "%s: %s", out, about)
	return nil
}

// findTrust asks for 1.trust, 2.trust ... until one has the hash.
func findTrust(ctx context.Context, root, sum string) ([]byte, error) {
	base, err := folderURL(root)
	if err != nil {
		return nil, err
	}
	sum = strings.ToLower(strings.TrimSpace(sum))
	if len(sum) != 2*sha256.Size || strings.Trim(sum, "0123456789abcdef") != "" {
		return nil, &usageError{"the SHA-256 is not 64 hex digits"}
	}
	for n := 1; n <= 256; n++ {
		data, err := getLimited(ctx, base.JoinPath("trust", fmt.Sprintf("%d.trust", n)).String(), maxTrust)
		if errors.Is(err, os.ErrNotExist) && n > 1 {
			break
		}
		if err != nil {
			return nil, explainRoot(err)
		}
		if data, err = keys.NormalizeLines(data); err != nil {
			return nil, err
		}
		_, wrong := keys.NewChain(data)
		if refusal := new(keys.Error); errors.As(wrong, &refusal) && refusal.Name == "html" {
			if n > 1 {
				break // pages that a host shows for all that it does not have
			}
			return nil, withHint(fmt.Errorf("%s holds a web page and no trust document", base.JoinPath("trust", "1.trust")),
				"Does the network want a login first (open the URL in a browser)? Is --root the URL that its admin gave you, with its folder? Nothing was written.")
		}
		if fmt.Sprintf("%x", sha256.Sum256(data)) != sum {
			continue
		}
		if err := wrong; err != nil {
			return nil, fmt.Errorf("the document has the hash you gave and does not hold by itself: %w", err)
		}
		return data, nil
	}
	return nil, withHint(fmt.Errorf("%s has no trust document with the hash %s", base, sum),
		"Either the hash is not that of a trust document, or this host serves documents of somebody else. Nothing was written.")
}

// explainRoot says what to do when a root does not hand out its trust documents.
func explainRoot(err error) error {
	hint := "Is the root running, is --root the URL that its admin gave you, and does this machine reach it? Nothing was written."
	switch {
	case errors.Is(err, errAdminListener):
		hint = "Give --root the public listener of the root (by default http://127.0.0.1:7480). Nothing was written."
	case errors.Is(err, os.ErrNotExist):
		hint = "There is a web server, and no root at this URL: is --root the one that its admin gave you, with its folder? Nothing was written."
	}
	return withHint(err, hint)
}

var errAdminListener = errors.New("401 Unauthorized, as the admin listener of a root does")

func folderURL(s string) (*url.URL, error) {
	if err := serverlist.CheckMirrorURL(s); err != nil {
		return nil, &usageError{fmt.Sprintf("--root: %v", err)}
	}
	return url.Parse(s)
}

// smallFileTime is for all of a trust document, which has some kilobytes.
const smallFileTime = 20 * time.Second

// getLimited gets a small file. An absent one is os.ErrNotExist.
func getLimited(ctx context.Context, url string, limit int64) ([]byte, error) {
	late := fmt.Errorf("no answer within %v", smallFileTime)
	ctx, cancel := context.WithTimeoutCause(ctx, smallFileTime, late)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil && context.Cause(ctx) == late {
		return nil, fmt.Errorf("%s: %w", url, late)
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%s: %w", url, os.ErrNotExist)
	case http.StatusUnauthorized:
		return nil, fmt.Errorf("%s answers %w", url, errAdminListener)
	default:
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes: not a trust document", url, limit)
	}
	return data, err
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
			data, err := readTrustFile(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if typ := claimedType(data); typ == serverlist.TypeServerList || typ == serverlist.TypeMirrorList {
				return withHint(fmt.Errorf("%s is a list (%s), not a trust document", args[0], typ), "metaserver verify shows what a list says.")
			}
			doc, err := keys.ReadDraft(keys.DraftText(data))
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
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
