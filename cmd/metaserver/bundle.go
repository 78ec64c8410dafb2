package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
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
is the newest trust document, with which the launcher's trust begins. All of them
together are the Config.Static of package serverlist.

For release scripts: the command fails if no live list can be had, if a list is
not fresh, or if DIR has a newer one already, lists of another origin, or files of
these names that do not hold. Then DIR stays as it was. When nothing is new, it
writes the same bytes again.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkBundleFolder(out); err != nil {
				return err
			}
			note := startNote(cmd.ErrOrStderr(), "asking mirrors and root ...")
			b, err := fetchBundle(cmd.Context(), listFlags{trust: trust, roots: roots, static: bundleIn(out)}, allowStale)
			note.stop()
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

// checkBundleFolder refuses what cannot be a folder for a bundle.
func checkBundleFolder(dir string) error {
	if dir == "" {
		return &usageError{"--out is empty; give the folder to write to"}
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = os.Lstat(dir)
		if err == nil {
			return &usageError{fmt.Sprintf("--out %s is a link that leads nowhere; give a folder to write to", dir)}
		}
		return nil
	}
	if err == nil && !info.IsDir() {
		return &usageError{fmt.Sprintf("--out %s is %s; give a folder to write to", dir, kindOf(info.Mode()))}
	}
	return nil
}

// bundleIn returns a folder that holds a bundle; "" if it does not, or not yet.
func bundleIn(dir string) string {
	if _, err := os.Stat(filepath.Join(dir, publish.ServerList)); err != nil {
		return ""
	}
	return dir
}

// fetchBundle gets the newest set that root and mirrors have. What an earlier
// run has written takes part as a static list, so that a bundle never goes back.
func fetchBundle(ctx context.Context, f listFlags, allowStale bool) (*bundle, error) {
	client, err := newListClient(ctx, f)
	if err != nil {
		return nil, err
	}
	refreshing, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := client.Refresh(refreshing)
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	if none := new(serverlist.NoListError); errors.As(err, &none) {
		advice := "Check the network and --root."
		if signedByOthers(none.Attempts) {
			advice = adviseTrust(f.trust)
		}
		return nil, withHint(err, "Nothing was written. "+advice)
	}
	if err := judgeBundle(r, allowStale); err != nil {
		return nil, withHint(err, "Nothing was written. Ask the root's admin whether the root is up and its clock right.")
	}
	return &bundle{
		Origin: r.List.Head.Origin, Servers: len(r.List.Servers), Version: r.List.Head.Version,
		Mirrors: len(r.Mirrors.Mirrors), Trust: r.Trust.Newest().Version,
		list: r.List, mirrorList: r.Mirrors, chain: r.Trust,
	}, nil
}

// judgeBundle tells why lists should not be shipped.
func judgeBundle(r serverlist.Result, allowStale bool) error {
	if r.Source != serverlist.SourceLive {
		var tried strings.Builder
		for _, a := range r.Attempts {
			fmt.Fprintf(&tried, "\n  %s", a)
		}
		return fmt.Errorf("%s, version %d, is the newest list; root and mirrors have only older ones, or none:%s", r.From, r.List.Head.Version, tried.String())
	}
	if r.Mirrors == nil {
		return errors.New("no mirror list could be had")
	}
	now := r.List.Head.Issued.Add(r.Age) // by this machine's clock, unless that is behind what is known
	lists := []struct {
		name string
		*serverlist.List
	}{{"server", r.List}, {"mirror", r.Mirrors}}
	for _, l := range lists { // before the ages, which a list from the future falsifies
		if issued := l.Head.Issued; issued.After(time.Now().Add(24 * time.Hour)) {
			return fmt.Errorf("the %s list was issued at %s, ahead of this machine's clock", l.name, formatTime(issued))
		}
	}
	for _, l := range lists {
		if f := l.Freshness(now); f != serverlist.Fresh && !allowStale {
			return fmt.Errorf("the %s list is %s: %s old; --allow-stale would take it", l.name, f, formatAge(now.Sub(l.Head.Issued)))
		}
	}
	return nil
}

// write puts the documents into the folder, each as a whole, those first that
// the others rest on; then it looks at the folder as a launcher would.
func (b *bundle) write(dir string) error {
	if err := b.checkOld(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "trust"), 0o755); err != nil {
		return explainWrite(filepath.Join(dir, "trust"), err)
	}
	defer os.Remove(filepath.Join(dir, "trust")) // only if nothing came in
	put := func(data []byte, name string) error {
		return replaceFile(filepath.Join(dir, filepath.FromSlash(name)), data)
	}
	for _, t := range b.chain.Documents() {
		if err := put(t.Bytes(), publish.TrustName(t.Version)); err != nil {
			return err
		}
	}
	pinned := b.chain.Newest().Bytes()
	for _, d := range []struct {
		name string
		data []byte
	}{{serverlist.NamePinned, pinned}, {publish.MirrorList, b.mirrorList.Bytes()}, {publish.ServerList, b.list.Bytes()}} {
		if err := put(d.data, d.name); err != nil {
			return err
		}
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

// checkOld refuses to replace files that are no documents of their kind and
// origin: DIR is then hardly the folder that was meant. Nor does it leave a next
// trust document there that does not follow: launchers would ship with it.
func (b *bundle) checkOld(dir string) error {
	type document struct{ name, typ string }
	documents := []document{
		{serverlist.NamePinned, keys.TypeTrust},
		{publish.MirrorList, serverlist.TypeMirrorList},
		{publish.ServerList, serverlist.TypeServerList},
	}
	for _, t := range b.chain.Documents() {
		documents = append(documents, document{publish.TrustName(t.Version), keys.TypeTrust})
	}
	for _, d := range documents {
		if err := b.checkFile(filepath.Join(dir, filepath.FromSlash(d.name)), d.typ); err != nil {
			return err
		}
	}
	next := filepath.Join(dir, filepath.FromSlash(publish.TrustName(b.Trust+1)))
	if _, err := os.Lstat(next); err == nil {
		return notReplaced(next, fmt.Sprintf("does not follow from trust document %d", b.Trust))
	}
	return nil
}

// checkFile judges one file; that it is absent is as good.
func (b *bundle) checkFile(path, typ string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explainWrite(path, err)
	}
	var held []byte
	if info.Mode().IsRegular() {
		if held, err = readWhole(path, maxDocument); err != nil {
			return err
		}
	}
	origin, _, _ := strings.Cut(string(held[:min(len(held), 1024)]), "\n")
	origin = strings.TrimSuffix(origin, "\r")
	switch {
	case claimedType(held) != typ:
		return notReplaced(path, "is not a document of type "+typ)
	case origin != b.Origin:
		return notReplaced(path, "is of the origin "+origin+", and not of "+b.Origin)
	}
	return nil
}

func notReplaced(path, why string) error {
	return withHint(fmt.Errorf("%s is there and %s; nothing was written", path, why), "Give --out another folder, or move the file away.")
}

func (b *bundle) print(w io.Writer, dir string) {
	fmt.Fprintf(w, "%s of %s (version %d), %s, trust document %d in %s\n",
		plural(b.Servers, "server"), b.Origin, b.Version, plural(b.Mirrors, "mirror"), b.Trust, dir)
}
