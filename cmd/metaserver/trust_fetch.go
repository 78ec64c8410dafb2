package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/spf13/cobra"
)

const (
	maxTrustDocuments = 256              // that a root is asked for
	trustPatience     = 20 * time.Second // for one of them, which has some kilobytes
)

func trustFetchCommand() *cobra.Command {
	var root, sum, out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "fetch --root URL --sha256 H --out FILE",
		Short: "Fetch the trust document whose hash you were given",
		Long: `Fetch the trust document with the given SHA-256 from a root or mirror and write
it to FILE, to be pinned by a mirror or a launcher. Get the hash from the root's
admin by a way that the root's host does not control; "metaserver root show"
prints it. An existing file with other content is never replaced. FILE may be -
for standard output.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if asJSON && out == "-" {
				return &usageError{"--json and --out - both want standard output"}
			}
			return fetchTrust(cmd, root, sum, out, asJSON)
		},
	}
	cmd.Flags().StringVar(&root, "root", "", "base URL of the root or of a mirror's folder")
	cmd.Flags().StringVar(&sum, "sha256", "", "hash of the document, 64 hex digits")
	cmd.Flags().StringVar(&out, "out", "", "file to write; - for standard output")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	for _, name := range []string{"root", "sha256", "out"} {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}

// fetchTrust writes the document, and says which it is: beside the result if
// that goes to standard output.
func fetchTrust(cmd *cobra.Command, root, sum, out string, asJSON bool) error {
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
	if asJSON {
		s := &signing{path: out, data: data, doc: doc}
		if err := s.readSignatures(); err != nil {
			return err
		}
		o := s.output(nil)
		o.File = out
		return printJSON(cmd.OutOrStdout(), o)
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
	fetcher := &serverlist.Fetcher{Pinned: []string{base}, Tuning: serverlist.Tuning{Head: trustPatience}}
	defer fetcher.CloseIdleConnections()
	for n := int64(1); n <= maxTrustDocuments; n++ {
		data, err := fetcher.Trust(ctx, base, n)
		if refusal := new(serverlist.FetchError); n > 1 && errors.As(err, &refusal) && refusal.Outcome == serverlist.OutcomeAbsent {
			break
		}
		if err != nil {
			return nil, explainRoot(ctx, err)
		}
		if fmt.Sprintf("%x", sha256.Sum256(data)) != sum {
			continue
		}
		if _, err := keys.NewChain(data); err != nil {
			return nil, fmt.Errorf("the document has the hash you gave and does not hold by itself: %w", err)
		}
		return data, nil
	}
	return nil, withHint(fmt.Errorf("%s has no trust document with the hash %s", base, sum),
		"Either the hash is not that of a trust document, or this host serves documents of somebody else. Nothing was written.")
}

// folderURL returns the URL of a root as that of a folder.
func folderURL(s string) (string, error) {
	if err := serverlist.CheckMirrorURL(s); err != nil {
		return "", &usageError{fmt.Sprintf("--root: %v", err)}
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", err
	}
	return u.JoinPath("/").String(), nil
}

// explainRoot says what to do when a root does not hand out its trust documents.
func explainRoot(ctx context.Context, err error) error {
	const nothing = " Nothing was written."
	var refusal *serverlist.FetchError
	var page *keys.Error
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case !errors.As(err, &refusal):
		return err
	case errors.As(err, &page) && page.Name == "html":
		return withHint(fmt.Errorf("%s holds a web page and no trust document", refusal.URL),
			"Does the network want a login first (open the URL in a browser)? Is --root the URL that its admin gave you, with its folder?"+nothing)
	case strings.HasPrefix(refusal.Detail, "HTTP 401 "):
		return withHint(fmt.Errorf("%s answers 401 Unauthorized, as the admin listener of a root does", refusal.URL),
			"Give --root the public listener of the root (by default http://127.0.0.1:7480)."+nothing)
	case refusal.Outcome == serverlist.OutcomeAbsent:
		return withHint(err, "There is a web server, and no root at this URL: is --root the one that its admin gave you, with its folder?"+nothing)
	}
	return withHint(err, "Is the root running, is --root the URL that its admin gave you, and does this machine reach it?"+nothing)
}
