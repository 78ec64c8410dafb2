package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/signed-metaserver/metaserver/mirror"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/spf13/cobra"
)

// errInterrupted is what a command says that only looked, or had not begun.
var errInterrupted = errors.New("interrupted; nothing was changed")

func mirrorCheckCommand() *cobra.Command {
	var config string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Find out what is wrong with a mirror, and what to do about it",
		Long: `Look at everything that a mirror depends on and print all that is found, with
the remedy: the configuration and its secrets, the trust document, the root, the
clock, every target (can it be read and written to, does what it holds verify,
is there room), how the public URLs serve it (content, type, caching, line ends,
redirects), freshness, and whether the root's mirror list names them. Nothing is
published: to see whether a target can be written to, a small file is written,
renamed, read back and removed. A host that says nothing for 20 seconds is given
up.

The exit status is 1 if there is an error, 3 if the only ones are of what is
stale, and 0 if there are none or warnings only.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			note := startNote(cmd.ErrOrStderr(), "looking ...")
			found := mirror.Check(cmd.Context(), config)
			note.stop()
			if cmd.Context().Err() != nil {
				return errInterrupted // what was found last is about the interrupt
			}
			if asJSON {
				return errors.Join(printJSON(cmd.OutOrStdout(), found), statusOfCheck(found))
			}
			for _, f := range found {
				printFinding(cmd.OutOrStdout(), f)
			}
			return statusOfCheck(found)
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "the mirror's configuration file")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.MarkFlagRequired("config")
	return cmd
}

func printFinding(out io.Writer, f mirror.Finding) {
	where := ""
	if f.Where != "" {
		where = " " + f.Where
	}
	fmt.Fprintf(out, "%-7s %s%s: %s\n", f.Level, f.Subject, cleanText(where), cleanText(f.Text))
	if f.Remedy != "" {
		fmt.Fprintf(out, "        %s\n", cleanText(f.Remedy))
	}
}

func statusOfCheck(found []mirror.Finding) error {
	var status error
	for _, f := range found {
		switch {
		case f.Level == mirror.Bad && f.Subject != mirror.SubjectFreshness:
			return errReported
		case f.Level == mirror.Bad:
			status = errFading
		}
	}
	return status
}

func mirrorStatusCommand() *cobra.Command {
	var config string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status --config FILE",
		Short: "Show what is published where, and how old it is",
		Long: `Read every target back, ask the root for the heads of its lists, and show
versions, ages and freshness, and which target, or the root, is behind. Nothing
is changed.

The exit status is 0 if every target holds what the root has, 3 if what some
target holds is stale or about to be, else 1.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := loadMirror(config, nil)
			if err != nil {
				return err
			}
			note := startNote(cmd.ErrOrStderr(), "asking ...")
			status, err := m.Status(cmd.Context())
			note.stop()
			if err != nil {
				return errInterrupted
			}
			if asJSON {
				return errors.Join(printJSON(cmd.OutOrStdout(), status), exitOfStatus(&status))
			}
			if err := printMirrorStatus(cmd.OutOrStdout(), cmd.ErrOrStderr(), &status); err != nil {
				return err
			}
			return exitOfStatus(&status)
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "the mirror's configuration file")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.MarkFlagRequired("config")
	return cmd
}

func exitOfStatus(s *mirror.Status) error {
	switch {
	case s.Fading():
		return errFading
	case !s.OK:
		return errReported
	}
	return nil
}

// printMirrorStatus prints a table, and on standard error why a row is not
// whole.
func printMirrorStatus(out, problems io.Writer, s *mirror.Status) error {
	t := newTable(out, "WHERE", "DOCUMENT", "VERSION", "AGE", "FRESH UNTIL", "STATE")
	root := mirror.TargetStatus{Target: "root " + s.Root.URL, Trust: s.Root.Trust, Documents: s.Root.Documents, Error: s.Root.Error}
	newest := s.Root.Trust
	for _, target := range s.Targets {
		newest = max(newest, target.Trust)
	}
	printDocuments(t, &root, newest)
	if s.Root.Error != "" {
		printError(problems, fmt.Errorf("root %s: %s", s.Root.URL, s.Root.Error))
	}
	for _, target := range s.Targets {
		printDocuments(t, &target, newest)
		if target.Error != "" {
			printError(problems, fmt.Errorf("%s: %s", target.Target, target.Error))
		}
		for _, name := range slices.Sorted(maps.Keys(target.Refused)) {
			printError(problems, fmt.Errorf("%s: %s does not verify: %s", target.Target, name, target.Refused[name]))
		}
	}
	return t.Flush()
}

// printDocuments prints a row for each document, with its own state.
func printDocuments(out io.Writer, t *mirror.TargetStatus, newestTrust int64) {
	if t.Trust == 0 && len(t.Documents) == 0 {
		state := "empty"
		if t.Error != "" {
			state = "cannot be read"
		} else if len(t.Refused) > 0 {
			state = "does not verify"
		}
		row(out, t.Target, "-", "-", "-", "-", state)
		return
	}
	for _, name := range []string{publish.MirrorList, publish.ServerList} {
		i := slices.IndexFunc(t.Documents, func(d mirror.DocumentStatus) bool { return d.Name == name })
		switch {
		case i >= 0:
			d := &t.Documents[i]
			row(out, t.Target, d.Name, fmt.Sprint(d.Version), formatAge(d.AgeNow()), formatTime(d.FreshUntil), d.State())
		case t.Refused[name] != "":
			row(out, t.Target, name, "-", "-", "-", "does not verify")
		case t.Error != "":
			row(out, t.Target, name, "-", "-", "-", "cannot be read")
		default:
			row(out, t.Target, name, "-", "-", "-", "missing")
		}
	}
	state := "-"
	if t.Trust < newestTrust {
		state = "behind"
	}
	row(out, t.Target, "trust", fmt.Sprint(t.Trust), "-", "-", state)
}
