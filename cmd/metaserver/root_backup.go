package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/signed-metaserver/metaserver/root/backup"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/rejoin"
	"github.com/spf13/cobra"
)

func rootBackupCommand() *cobra.Command {
	cfg := backup.MakeConfig{Program: version()}
	var place rootPlace
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "backup --data DIR FILE [--with-keys]",
		Short: "Copy a root into one file while it runs",
		Long: `Write a backup of a root into FILE, a tar archive under gzip: the database as it
is at one moment, root.toml, all trust documents and the newest lists. The root
may run meanwhile and takes registrations. FILE must not exist yet; it is read
back before it gets its name, and only you can read it: it holds the e-mail
addresses of everybody who has registered, until you remove it.

Private keys are not in it, nor are the admin token and passwords: put them back
by hand after a restore. With --with-keys they are, together with every other
small file of the data folder. Whoever gets hold of such a file, and of the
passphrase if the keys have one, can sign lists in your name: keep it offline or
encrypted.

"metaserver root restore" makes a data folder from FILE.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := place.load()
			if err != nil {
				return err
			}
			cfg.Data, cfg.Config, cfg.File = found.Data, place.config, args[0]
			line := newProgress(cmd.ErrOrStderr())
			cfg.Progress = line.show
			report, err := backup.Make(cmd.Context(), cfg)
			line.end()
			if err != nil {
				return explainBackup(cfg.File, err)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			printBackup(cmd.OutOrStdout(), report)
			return nil
		},
	}
	flags := cmd.Flags()
	place.addTo(cmd)
	flags.BoolVar(&cfg.WithKeys, "with-keys", false, "private keys, the admin token and passwords, too")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// explainBackup adds what helps where the file cannot be written.
func explainBackup(file string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return withHint(fmt.Errorf("%s exists already; nothing was written", file), "Give the backup another name, as one with the date.")
	}
	if errors.Is(err, backup.ErrNoSpace) {
		return withHint(err, "The disk of the backup is full: nothing was written. A backup needs room for the database twice while it is made.")
	}
	if p := new(fs.PathError); errors.As(err, &p) && (strings.Contains(p.Path, backup.TempPrefix) || p.Path == file || p.Path == filepath.Dir(file)) {
		return explainWrite(file, p)
	}
	return err
}

func printBackup(out io.Writer, b backup.Report) {
	say(out, "%s holds the root %s: %s in %s.", b.File, b.Origin, plural(len(b.Files), "file"), formatBytes(b.Size))
	for _, l := range b.Lists {
		say(out, "  %s: version %d, %s", l.Name, l.Version, plural(l.Entries, "entry"))
	}
	if b.WithKeys {
		say(out, "  It holds private keys: whoever has it can sign in the name of this root.")
	}
	for _, name := range b.LeftOut {
		say(out, "  left out: %s", name)
	}
}

func rootRestoreCommand() *cobra.Command {
	var cfg backup.RestoreConfig
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restore --data DIR FILE [--mirror URL]... [--alone]",
		Short: "Make a data folder from a backup",
		Long: `Make the data folder of a root from FILE, which "metaserver root backup" wrote.
DIR must be empty or absent. The whole file is verified first; if anything in it
is wrong nothing is left behind.

A root from a backup is older than its mirrors. When it is served first it reads
their lists and trust documents, goes on above the highest version, and shows
what they list and the database does not. If no mirror can be reached it does not
start; --mirror names one that the backup does not know. --alone says that there
is none, or that you know better: what was published after the backup is lost
then.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg.File = args[0]
			line := newProgress(cmd.ErrOrStderr())
			cfg.Progress = line.show
			report, err := backup.Restore(cmd.Context(), cfg)
			line.end()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			printRestored(cmd.OutOrStdout(), report, cfg.Alone)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.Data, "data", "", "the data folder to make")
	flags.StringArrayVar(&cfg.Mirrors, "mirror", nil, "URL of a mirror to look at, beside those of the backup")
	flags.BoolVar(&cfg.Alone, "alone", false, "look at no mirror")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	cmd.MarkFlagRequired("data")
	return cmd
}

func printRestored(out io.Writer, r backup.RestoreReport, alone bool) {
	say(out, "The root %s is in %s, as it was on %s.", r.Origin, r.Data, formatTime(r.Made))
	for _, l := range r.Lists {
		say(out, "  %s: version %d, %s", l.Name, l.Version, plural(l.Entries, "entry"))
	}
	if r.Counts != nil {
		say(out, "  %s waiting, %s listed, %s", plural(r.Counts.Pending, "registration"), plural(r.Counts.Listed, "server"), plural(r.Counts.Mirrors, "mirror"))
	}
	if r.NoKeys {
		say(out, "\nThe backup has no private keys: put the list key (keys/list.key), the admin token\n(admin.token) and files that root.toml names into the folder, with mode 0600.")
	}
	if !alone {
		say(out, "\nBefore it signs anything it will look at its mirrors.")
	}
	say(out, "\nNext: metaserver root serve --data %s", r.Data)
}

// lookAtMirrors lets a root that was restored look at its mirrors before it is served.
func lookAtMirrors(cmd *cobra.Command, cfg config.Config, alone bool) error {
	note := startNote(cmd.ErrOrStderr(), "looking at the mirrors")
	found, err := rejoin.Run(cmd.Context(), cfg, alone)
	note.stop()
	if errors.As(err, new(*rejoin.NoMirrorError)) {
		return withHint(err, "Bring one of them up, or restore again with --mirror URL. If there is none: metaserver root serve --data "+cfg.Data+" --alone")
	}
	if err != nil || found == nil {
		return err
	}
	printRejoined(cmd.ErrOrStderr(), found)
	return nil
}

// maxShown is how many ids of each kind of difference are shown.
const maxShown = 20

func printRejoined(out io.Writer, r *rejoin.Report) {
	if r.Alone {
		say(out, "Restored from a backup of %s; no mirror was looked at.", formatTime(r.Made))
		return
	}
	say(out, "Restored from a backup of %s; %s looked at.", formatTime(r.Made), plural(len(r.Asked), "mirror"))
	for _, a := range r.Asked {
		if a.Problem != "" {
			say(out, "  %s: %s", a.URL, a.Problem)
		}
	}
	if r.Trust > 0 {
		say(out, "  trust documents up to %d taken over", r.Trust)
	}
	file := ""
	for _, l := range r.Lists {
		say(out, "  %s: version %d taken over from %s, the backup has %d", l.Name, l.Version, l.From, l.Backup)
		file = l.File
	}
	differences := []struct {
		ids  []string
		what string
	}{
		{r.Absent, "in the mirror's list, not in the database"},
		{r.Differ, "in both, and not the same"},
		{r.Extra, "in the database, not in the mirror's list"},
	}
	for _, d := range differences {
		if len(d.ids) == 0 {
			continue
		}
		shown := strings.Join(d.ids[:min(len(d.ids), maxShown)], " ")
		if len(d.ids) > maxShown {
			shown += " ..."
		}
		say(out, "  %s: %d (%s)", d.what, len(d.ids), shown)
	}
	if len(r.Absent) > 0 {
		say(out, "The list of the mirrors stays published until they are back: metaserver admin import --approve %s\n(then \"metaserver admin lists\"); or confirm that they go.", file)
	}
}
