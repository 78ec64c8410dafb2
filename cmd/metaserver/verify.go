package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/spf13/cobra"
)

// maxDocument is above the largest document that verifies, in bytes.
const maxDocument = serverlist.MaxServerListBody + 1<<20

func verifyCommand() *cobra.Command {
	var trust string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE --trust FILE",
		Short: "Verify a document and print what it says",
		Long: `Verify a server.list, mirror.list or trust document against a pinned trust
document and print its head, its signers and its freshness.

Newer trust documents are taken from the folder of the pinned one and from the
folder trust/ beside FILE, as N.trust; each must be signed under the one before
it. What lies there and does not hold, as a draft, is told and passed over. FILE
may be - for standard input. The exit status is 1 if the document does not hold.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			beside := filepath.Dir(args[0])
			walk := chainWalk{pinned: trust, folders: []string{filepath.Join(beside, "trust"), beside}, subject: args[0], notes: cmd.ErrOrStderr()}
			chain, err := walk.load(cmd.Context())
			if err != nil {
				return err
			}
			data, err := readLimited(cmd.Context(), args[0], maxDocument)
			if err != nil && !asJSON {
				return err // nothing was judged
			}
			var v *verdict
			if err == nil {
				v, err = verifyData(args[0], data, chain)
			}
			if asJSON {
				return printVerdictJSON(cmd.OutOrStdout(), args[0], v, err)
			}
			if err != nil {
				return fmt.Errorf("%s does not hold: %w", args[0], err)
			}
			v.print(cmd.OutOrStdout())
			return nil
		},
	}
	cmd.Flags().StringVar(&trust, "trust", "", "the pinned trust document")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.MarkFlagRequired("trust")
	return cmd
}

// A verdict is what is printed of a document that holds.
type verdict struct {
	Verified   bool       `json:"verified"`
	File       string     `json:"file"`
	Origin     string     `json:"origin"`
	Type       string     `json:"type"`
	Version    int64      `json:"version"`
	Epoch      int64      `json:"epoch"`
	Issued     time.Time  `json:"issued"`
	FreshUntil *time.Time `json:"fresh_until,omitempty"`
	OldAfter   *time.Time `json:"old_after,omitempty"`
	Freshness  string     `json:"freshness,omitempty"`
	AgeSeconds int64      `json:"age_seconds"`
	Trust      int64      `json:"trust"`
	Signers    []string   `json:"signers"`
	Entries    *int       `json:"entries,omitempty"`
	Skipped    []string   `json:"skipped,omitempty"`
}

// verifyData verifies what was read of a file against the chain.
func verifyData(path string, data []byte, chain *keys.Chain) (*verdict, error) {
	v, err := judge(data, chain)
	if err != nil {
		return nil, err
	}
	v.File = path
	v.AgeSeconds = max(0, int64(time.Since(v.Issued)/time.Second))
	return v, nil
}

// judge verifies data as the type it claims. The claim only picks what is
// wanted; the signatures decide.
func judge(data []byte, chain *keys.Chain) (*verdict, error) {
	typ := claimedType(data)
	if typ == keys.TypeTrust {
		return judgeTrust(data, chain)
	}
	if typ != serverlist.TypeMirrorList {
		typ = serverlist.TypeServerList
	}
	list, err := serverlist.Open(data, serverlist.Want{Origin: chain.Origin(), Type: typ}, chain)
	if err != nil {
		return nil, err
	}
	h := &list.Head
	entries := len(list.Servers) + len(list.Mirrors)
	v := &verdict{
		Verified: true, Origin: h.Origin, Type: h.Type, Version: h.Version, Epoch: h.Epoch,
		Issued: h.Issued, FreshUntil: &h.FreshUntil, OldAfter: &h.OldAfter,
		Freshness: string(list.Freshness(time.Now())), Trust: chain.Newest().Version,
		Signers: keyNames(list.Signers), Entries: &entries,
	}
	for _, e := range list.Skipped {
		v.Skipped = append(v.Skipped, e.Error())
	}
	return v, nil
}

// judgeTrust accepts a trust document that is in the chain or extends it.
func judgeTrust(data []byte, chain *keys.Chain) (*verdict, error) {
	data, err := keys.NormalizeLines(data)
	if err != nil {
		return nil, err
	}
	t := memberOf(chain, data)
	if t == nil {
		longer, err := chain.Extend(data)
		if err != nil {
			return nil, err
		}
		t = longer.Newest()
	}
	return &verdict{
		Verified: true, Origin: t.Origin, Type: keys.TypeTrust, Version: t.Version, Epoch: t.Epoch,
		Issued: t.Issued, Trust: t.Version, Signers: keyNames(t.Signers()),
	}, nil
}

func claimedType(data []byte) string {
	lines := bufio.NewScanner(bytes.NewReader(data[:min(len(data), 1024)]))
	lines.Scan()
	lines.Scan()
	return strings.TrimPrefix(lines.Text(), "type ")
}

func keyNames(ks []keys.VerifierKey) []string {
	names := []string{}
	for _, k := range ks {
		names = append(names, k.Name())
	}
	return names
}

func (v *verdict) print(w io.Writer) {
	fmt.Fprintf(w, "%s holds\n", v.File)
	row := func(name string, value any) { fmt.Fprintf(w, "  %-12s %v\n", name, value) }
	row("origin", v.Origin)
	row("type", v.Type)
	row("version", v.Version)
	row("epoch", v.Epoch)
	row("issued", fmt.Sprintf("%s (%s)", formatTime(v.Issued), v.sinceIssue(time.Now())))
	if v.FreshUntil != nil {
		row("freshness", fmt.Sprintf("%s (fresh until %s, old after %s)", v.Freshness, formatTime(*v.FreshUntil), formatTime(*v.OldAfter)))
	}
	row("trust", v.Trust)
	row("signed by", strings.Join(v.Signers, ", "))
	if v.Entries != nil {
		row("entries", *v.Entries)
	}
	for _, s := range v.Skipped {
		row("skipped", cleanText(s))
	}
}

// sinceIssue says how long a document is out, or that it, or the clock, is wrong.
func (v *verdict) sinceIssue(now time.Time) string {
	if ahead := v.Issued.Sub(now); ahead > time.Minute {
		return formatAge(ahead) + " ahead of this clock: is it right?"
	}
	return formatAge(time.Duration(v.AgeSeconds)*time.Second) + " ago"
}

// printVerdictJSON prints the verdict, or why there is none. A refusal that
// has a layer and a name says them.
func printVerdictJSON(w io.Writer, file string, v *verdict, err error) error {
	if err == nil {
		return printJSON(w, v)
	}
	refusal := map[string]any{"verified": false, "file": file, "error": err.Error()}
	var e *keys.Error
	if errors.As(err, &e) {
		refusal["layer"], refusal["reason"] = e.Layer, e.Name
		if e.Line > 0 {
			refusal["line"] = e.Line
		}
	}
	if err := printJSON(w, refusal); err != nil {
		return err
	}
	return errReported
}
