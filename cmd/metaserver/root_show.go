package main

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/examine"
	"github.com/spf13/cobra"
)

func rootShowCommand() *cobra.Command {
	var place rootPlace
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show --data DIR | --config FILE",
		Short: "Describe a root, with ready lines for clients and mirrors",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := place.load()
			if err != nil {
				return err
			}
			report, err := examine.DescribeConfig(cmd.Context(), cfg, time.Now())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			printReport(cmd.OutOrStdout(), report)
			return nil
		},
	}
	place.addTo(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printReport(out io.Writer, r examine.Report) {
	row := func(name string, value any) { fmt.Fprintf(out, "%-12s %v\n", name, value) }
	row("origin", r.Origin)
	if r.PublicURL == "" {
		row("public URL", "none (clients need --root)")
	} else {
		row("public URL", r.PublicURL)
	}
	if r.Listen == config.ListenNone {
		row("listener", "none (registrations come by \"metaserver admin register\")")
	}
	for _, t := range r.Targets {
		row("target", t)
	}
	row("trust", fmt.Sprintf("%d, to be reviewed by %s", r.Trust.Version, formatTime(r.Trust.ReviewBy)))
	row("  SHA-256", r.Trust.SHA256)
	for _, l := range r.Lists {
		row(l.Name, fmt.Sprintf("version %d, %s, issued %s ago, %s (until %s)",
			l.Version, plural(l.Entries, "entry"), formatAge(time.Duration(l.AgeSeconds)*time.Second), l.Freshness, formatTime(l.FreshUntil)))
	}
	row("waiting", plural(r.Pending, "registration"))
	row("listed", plural(r.Listed, "server"))
	row("mirrors", r.Mirrors)
	printReadyLines(out, r)
	for _, warning := range r.Warnings {
		fmt.Fprintf(out, "\nwarning: %s.\n", warning)
	}
	for _, path := range r.KeysHere {
		fmt.Fprintf(out, "\nwarning: %s lies on this machine; move it to a medium of its own.\n", path)
	}
}

// printReadyLines prints what a player, a launcher and a mirror paste.
func printReadyLines(out io.Writer, r examine.Report) {
	url := r.PublicURL
	if url == "" && r.Listen == config.ListenNone {
		return // nobody outside this machine can read it
	}
	if url == "" {
		url = "http://" + r.Listen + "/"
	}
	fmt.Fprintf(out, `
For a player, with a copy of %[1]s:
  metaserver list --trust %[2]s --root %[3]s

For a launcher in Go, which embeds the folder static (see package serverlist):
  metaserver bundle --trust %[2]s --root %[3]s --out static

For a mirror; send the hash by mail or phone, and not from this host:
  metaserver mirror setup --root %[3]s --trust-sha256 %[4]s
`, r.Trust.File, filepath.Base(r.Trust.File), url, r.Trust.SHA256)
}
