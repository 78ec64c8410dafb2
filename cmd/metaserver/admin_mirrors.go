package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

// adminMirrorsCommand holds what is done with mirrors.
func adminMirrorsCommand(f *adminFlags) *cobra.Command {
	cmd := group("mirrors", "Decide about mirrors, and see how they are",
		adminMirrorsListCommand(f),
		adminMirrorsShowCommand(f),
		adminMirrorsCheckCommand(f),
		adminMirrorsRegisterCommand(f),
		adminMirrorsPendingCommand(f),
		adminMirrorsApproveCommand(f),
		adminMirrorsRejectCommand(f),
		adminMirrorsAddCommand(f),
		adminMirrorsRemoveCommand(f),
	)
	cmd.Long = `Decide about mirrors, and see how they are.

The root fetches and verifies what every mirror serves, on a schedule. A mirror
that lies, or stays stale or away beyond a grace time, is left out of the next
mirror list, and taken in again when it has been well for some time; [watch] in
root.toml has the times. Whoever runs it is written to, if [mail] is set up.`
	return cmd
}

func adminMirrorsListCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the mirrors and how they are",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) ([]api.WatchedMirror, error) {
				return c.Mirrors(cmd.Context())
			}, printMirrors)
		},
	}
}

func adminMirrorsCheckCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Let the root look at all mirrors now, and list them",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) ([]api.WatchedMirror, error) {
				return c.CheckMirrors(cmd.Context())
			}, printMirrors)
		},
	}
}

// printMirrors prints one line a mirror, and below it what is wrong with it.
func printMirrors(out io.Writer, list []api.WatchedMirror) {
	if len(list) == 0 {
		say(out, "There is no mirror.")
		return
	}
	var rows []remarkedRow
	for _, m := range list {
		version, age, looked := lookOf(m.Last)
		if m.Last != nil && m.Last.Issued != nil {
			age = formatAge(max(0, time.Since(*m.Last.Issued))) // by now, and not when it was looked at
		}
		r := remarkedRow{cells: []string{m.ID, m.Operator, mirrorState(m), since(m.Since), version, age, looked, strings.Join(m.URLs, ",")}}
		if m.LeftOut != nil {
			r.remarks = append(r.remarks, "! left out of the list since "+formatTime(*m.LeftOut))
		}
		if m.Last != nil && m.Last.Error != "" {
			r.remarks = append(r.remarks, "! "+m.Last.Error)
		}
		rows = append(rows, r)
	}
	printRemarked(out, []string{"ID", "OPERATOR", "STATE", "SINCE", "VERSION", "AGE", "LOOKED", "URL"}, rows)
}

func mirrorState(m api.WatchedMirror) string {
	if m.Root {
		return "root"
	}
	return m.State
}

func since(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return ago(*t)
}

func stateFor(state string, since *time.Time) string {
	if since == nil {
		return state
	}
	return state + " for " + strings.TrimSuffix(ago(*since), " ago")
}

// lookOf describes the newest look at a mirror in three columns.
func lookOf(c *api.Check) (version, age, looked string) {
	if c == nil {
		return "-", "-", "-"
	}
	version, age = "-", "-"
	if c.Version != 0 {
		version, age = fmt.Sprint(c.Version), formatAge(time.Duration(c.AgeSeconds)*time.Second)
	}
	return version, age, ago(c.At)
}

func adminMirrorsShowCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show a mirror and its history, or a request of one (m1, m2 ...)",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if isMirrorRequest(args[0]) {
				return work(cmd, f, func(c *api.Client) (api.MirrorRegistration, error) {
					return c.MirrorRegistration(cmd.Context(), args[0])
				}, printMirrorRequest)
			}
			return work(cmd, f, func(c *api.Client) (api.MirrorHistory, error) {
				return c.Mirror(cmd.Context(), args[0])
			}, printMirrorHistory)
		},
	}
}

// isMirrorRequest tells a request's id, as m12, from that of a mirror. A mirror
// of such a name is shown by "list --json".
func isMirrorRequest(id string) bool {
	digits, ok := strings.CutPrefix(id, "m")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

func printMirrorHistory(out io.Writer, m api.MirrorHistory) {
	f := newFacts(out)
	f.line("id", m.ID)
	f.line("operator", m.Operator)
	f.line("region", m.Region)
	f.line("contact", m.Contact)
	if m.Email != "" {
		f.line("e-mail", m.Email+" (never published)")
	}
	for _, u := range m.URLs {
		f.line("url", u)
	}
	f.line("request", m.Request)
	f.line("state", stateFor(m.State, m.Since))
	if m.LeftOut != nil {
		f.line("! left out", "of the list since "+formatTime(*m.LeftOut))
	}
	if m.Drops > 0 {
		f.line("left out", howOften(m.Drops)+" so far")
	}
	f.Flush()
	printChecks(out, m.Checks)
	for _, e := range m.Evidence {
		say(out, "\nSigned twice under one number, found %s at %s. The root has published:", formatTime(e.At), e.URL)
		printHead(out, e.Held)
		say(out, "The mirror served:")
		printHead(out, e.Served)
	}
}

func printChecks(out io.Writer, checks []api.Check) {
	if len(checks) == 0 {
		say(out, "\nThe root has not looked at it yet.")
		return
	}
	fmt.Fprintln(out)
	t := newTable(out, "LOOKED", "STATE", "VERSION", "AGE", "TOOK", "ERROR")
	for _, c := range checks {
		version, age, _ := lookOf(&c)
		row(t, formatTime(c.At), c.State, version, age, fmt.Sprintf("%d ms", c.Milliseconds), c.Error)
	}
	t.Flush()
}

// printHead prints a signed head, line by line: it came from elsewhere.
func printHead(out io.Writer, head string) {
	for line := range strings.Lines(head) {
		say(out, "  %s", strings.TrimSuffix(line, "\n"))
	}
}

func adminMirrorsAddCommand(f *adminFlags) *cobra.Command {
	var m api.NewMirror
	cmd := &cobra.Command{
		Use:   "add --id I --operator O --url U",
		Short: "Add a mirror; returns when the mirror list with it is served",
		Long: `Add a mirror to the signed mirror list. The root fetches and verifies what the
mirror serves, as clients do, and refuses one where they would find nothing;
--unchecked lists it all the same. The command returns when the list that names
it is served.

A URL that ends in "/" is the folder of server.list, mirror.list and trust/; any
other URL is the server list itself.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.Published, error) {
				return c.AddMirror(cmd.Context(), m)
			}, func(out io.Writer, p api.Published) {
				say(out, "Mirror %s is in the mirror list, version %d.", p.ID, p.Version)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&m.ID, "id", "", "id of the mirror, [a-z0-9-]")
	flags.StringVar(&m.Operator, "operator", "", "who runs it; clients spread over operators")
	flags.StringArrayVar(&m.URLs, "url", nil, "its URL; may be given more than once")
	flags.StringVar(&m.Region, "region", "", "where it stands")
	flags.StringVar(&m.Contact, "contact", "", "public contact of the operator")
	flags.StringVar(&m.Email, "email", "", "whom to write to when the mirror is ill; never published")
	uncheckedFlag(cmd, &m.Unchecked)
	for _, name := range []string{"id", "operator", "url"} {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}

func uncheckedFlag(cmd *cobra.Command, unchecked *bool) {
	cmd.Flags().BoolVar(unchecked, "unchecked", false, "list it even if the root finds no list of its own there")
}

func adminMirrorsRemoveCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "remove ID",
		Short: "Remove a mirror; returns when the mirror list without it is served",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.Published, error) {
				return c.RemoveMirror(cmd.Context(), args[0])
			}, func(out io.Writer, p api.Published) {
				say(out, "Mirror %s is out of the mirror list, version %d.", p.ID, p.Version)
			})
		},
	}
}
