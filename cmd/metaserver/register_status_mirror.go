package main

import (
	"io"
	"net/url"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

// ofMirror tells whether a status URL is that of a mirror's request.
func ofMirror(statusURL string) bool {
	u, err := url.Parse(statusURL)
	return err == nil && strings.Contains(u.Path, "/mirrors/")
}

// showMirrorStatus says what has become of a mirror's request.
func showMirrorStatus(cmd *cobra.Command, secret string, asJSON bool) error {
	s, err := clientOf(secret).MirrorStatus(cmd.Context(), secret)
	if err != nil {
		return explainSecret(err)
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), s)
	}
	printMirrorAnswer(cmd.OutOrStdout(), &s)
	return nil
}

func printMirrorAnswer(out io.Writer, s *api.MirrorStatus) {
	say(out, "mirror %s: %s (request %s, sent %s)", oneLine(s.Mirror), s.Status, s.ID, formatTime(s.Created))
	for _, u := range s.URLs {
		say(out, "  at %s", oneLine(u))
	}
	switch {
	case s.Status == "pending":
		say(out, "An admin has not decided yet.")
	case s.InList:
		say(out, "The mirror list names it, so players come.")
	case s.LeftOut != nil:
		say(out, "The mirror list leaves it out since %s: it was ill for too long. It comes back by itself when it is well.", formatTime(*s.LeftOut))
	case s.Status == "approved" && s.State != "":
		say(out, "The next mirror list names it.")
	case s.Status == "approved":
		say(out, "It is no longer a mirror: an admin has removed or replaced it.")
	}
	if s.Reason != "" {
		say(out, "Reason: %s", oneLine(s.Reason))
	}
	if s.State != "" {
		say(out, "The root finds it %s.", s.State)
	}
	if s.LastError != "" {
		say(out, "  %s", oneLine(s.LastError))
	}
}
