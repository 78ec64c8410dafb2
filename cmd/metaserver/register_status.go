package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func registerStatusCommand() *cobra.Command {
	var status secretFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status --status-file FILE",
		Short: "Say why a server is listed, or is not",
		Long: `Say what has become of a request: why the server is listed or is not, since which
edition of the list and at how many mirrors, what waits for an admin, and what
can be done. The status URL of a mirror's request is answered, too.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error { return showStatus(cmd, &status, asJSON) },
	}
	status.register(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func showStatus(cmd *cobra.Command, f *secretFlags, asJSON bool) error {
	secret, err := f.read(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if ofMirror(secret) {
		return showMirrorStatus(cmd, secret, asJSON)
	}
	s, err := statusAt(cmd, secret)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), s)
	}
	printStatus(cmd.OutOrStdout(), s)
	return nil
}

// statusAt asks for the state of a request.
func statusAt(cmd *cobra.Command, secret string) (api.Status, error) {
	s, err := clientOf(secret).Status(cmd.Context(), secret)
	return s, explainSecret(err)
}

// explainSecret says what it may mean that a secret URL leads nowhere.
func explainSecret(err error) error {
	if p, ok := asProblem(err); ok && p.Status == 404 {
		return withHint(err, "Is the URL whole? A request that was turned down or withdrawn is forgotten after some months.")
	}
	return explainProblem(err)
}

func printStatus(out io.Writer, s api.Status) {
	say(out, "%s: %s (request %s, sent %s)", oneLine(s.Name), s.Status, s.ID, formatTime(s.Created))
	say(out, "%s", s.Summary)
	if s.Reason != "" {
		say(out, "Reason: %s", s.Reason)
	}
	if s.Listing != nil && s.Listing.Listed {
		for _, u := range s.Listing.MirrorURLs {
			say(out, "  at %s", oneLine(u))
		}
	}
	printOpen(out, s.Open)
	if s.Last != nil && s.Open == nil {
		say(out, "The newest request about the entry, %s (%s), is %s.", s.Last.ID, s.Last.Kind, s.Last.Status)
		if s.Last.Reason != "" {
			say(out, "  Reason: %s", s.Last.Reason)
		}
	}
	if s.Proof != nil {
		printProven(out, s.Proof)
	}
	for _, step := range s.Steps {
		say(out, "- %s", step)
	}
}

// printOpen prints what waits for an admin.
func printOpen(out io.Writer, r *api.Request) {
	if r == nil {
		return
	}
	say(out, "Waiting: %s (%s), revision %d, sent %s.", r.ID, r.Kind, r.Revision, formatTime(r.Updated))
	printChanges(out, r.Changes)
	if r.Proof != nil {
		printProven(out, r.Proof)
	}
}

func printChanges(out io.Writer, changes []api.FieldChange) {
	for _, c := range changes {
		say(out, "  %s", changeText(c))
	}
}

// changeText shows a change on one line.
func changeText(c api.FieldChange) string {
	return fmt.Sprintf("%s: %s -> %s", c.Field, shownValue(c.From), shownValue(c.To))
}

func shownValue(v string) string {
	if v == "" {
		return "(none)"
	}
	return oneLine(v)
}

func printProven(out io.Writer, p *api.Proof) {
	for _, one := range p.Proven {
		say(out, "Proven: %s", provenText(one))
	}
}

func provenText(p api.Proven) string {
	how := map[string]string{"dns": "by DNS", "http": "by a file", "port": "by its port", "key": "by the key's signature"}[p.Kind]
	if how == "" {
		how = "by " + p.Kind
	}
	return fmt.Sprintf("%s, %s, %s", oneLine(p.Subject), how, formatTime(p.At))
}

// oneLine keeps what came from elsewhere from looking like several lines.
func oneLine(s string) string { return strings.ReplaceAll(cleanText(s), "\n", "\uFFFD") }
