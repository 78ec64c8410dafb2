package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
	"github.com/spf13/cobra"
)

func bundleCommand() *cobra.Command {
	var trust, out string
	var roots []string
	var asJSON, allowStale bool
	cmd := &cobra.Command{
		Use:   "bundle --trust FILE --root URL --out DIR",
		Short: "Fetch and verify what a launcher ships with",
		Long: `Fetch the newest lists and trust documents, verify them, and write them to DIR
as a launcher embeds them: server.list, mirror.list and trust/. DIR/pinned.trust
is the newest trust document, for the launcher's Config.Trust.

For release scripts: the command fails if no live list can be had, or if a list
is not fresh. Then DIR stays as it was.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := fetchBundle(cmd.Context(), listFlags{trust: trust, roots: roots}, allowStale)
			if err != nil {
				return err
			}
			if err := b.write(out); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), b)
			}
			b.print(cmd.OutOrStdout(), out)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&trust, "trust", "", "the pinned trust document")
	f.StringArrayVar(&roots, "root", nil, "base URL of the root; may be given more than once")
	f.StringVar(&out, "out", "", "folder to write to; created when absent")
	f.BoolVar(&allowStale, "allow-stale", false, "take lists that are no longer fresh")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	for _, name := range []string{"trust", "root", "out"} {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}

// A bundle is a verified set of documents.
type bundle struct {
	Origin  string `json:"origin"`
	Servers int    `json:"servers"`
	Version int64  `json:"version"`
	Mirrors int    `json:"mirrors"`
	Trust   int64  `json:"trust"`

	list, mirrorList *serverlist.List
	chain            *keys.Chain
}

// fetchBundle gets the newest set that root and mirrors have.
func fetchBundle(ctx context.Context, f listFlags, allowStale bool) (*bundle, error) {
	client, err := newListClient(f)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := client.Refresh(ctx)
	if err != nil {
		return nil, err
	}
	const remedy = "Nothing was written. Ask the root's admin whether the root is up; --allow-stale takes what there is."
	switch now := time.Now(); {
	case r.Mirrors == nil:
		return nil, withHint(errors.New("no mirror list could be had"), remedy)
	case r.ClockSuspect:
		return nil, fmt.Errorf("the list was issued at %s, ahead of this machine's clock; nothing was written", formatTime(r.List.Head.Issued))
	case !allowStale && r.Freshness != serverlist.Fresh:
		return nil, withHint(fmt.Errorf("the server list is %s: %s old", r.Freshness, formatAge(r.Age)), remedy)
	case !allowStale && r.Mirrors.Freshness(now) != serverlist.Fresh:
		return nil, withHint(fmt.Errorf("the mirror list is %s", r.Mirrors.Freshness(now)), remedy)
	}
	return &bundle{
		Origin: r.List.Head.Origin, Servers: len(r.List.Servers), Version: r.List.Head.Version,
		Mirrors: len(r.Mirrors.Mirrors), Trust: r.Trust.Newest().Version,
		list: r.List, mirrorList: r.Mirrors, chain: r.Trust,
	}, nil
}

// write puts the documents into the folder, each as a whole, those first that
// the others rest on; then it looks at the folder as a launcher would.
func (b *bundle) write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "trust"), 0o755); err != nil {
		return err
	}
	put := func(data []byte, name ...string) error {
		return durable.WriteFile(filepath.Join(append([]string{dir}, name...)...), data, 0o644)
	}
	for _, t := range b.chain.Documents() {
		if err := put(t.Bytes(), "trust", fmt.Sprintf("%d.trust", t.Version)); err != nil {
			return err
		}
	}
	pinned := b.chain.Newest().Bytes()
	if err := errors.Join(put(pinned, "pinned.trust"), put(b.mirrorList.Bytes(), "mirror.list"), put(b.list.Bytes(), "server.list")); err != nil {
		return err
	}
	client, err := serverlist.New(serverlist.Config{Trust: pinned, Static: os.DirFS(dir)})
	if err != nil {
		return err
	}
	r, err := client.Cached()
	if err != nil {
		return fmt.Errorf("the folder does not hold what a launcher needs: %w", err)
	}
	if !r.List.Same(b.list) || r.Mirrors == nil || !r.Mirrors.Same(b.mirrorList) {
		return fmt.Errorf("%s holds other lists than were written: does something else write there?", dir)
	}
	return nil
}

func (b *bundle) print(w io.Writer, dir string) {
	fmt.Fprintf(w, "%s of %s (version %d), %s, trust document %d in %s\n",
		plural(b.Servers, "server"), b.Origin, b.Version, plural(b.Mirrors, "mirror"), b.Trust, dir)
}
