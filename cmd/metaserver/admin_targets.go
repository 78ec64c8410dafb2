package main

import (
	"fmt"
	"io"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func adminTargetsCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "targets",
		Short: "Show how it goes with the places that everything published is brought to",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) ([]api.Target, error) {
				return c.Targets(cmd.Context())
			}, printTargets)
		},
	}
}

func printTargets(out io.Writer, list []api.Target) {
	if len(list) == 0 {
		say(out, "There is no [[target]] in root.toml.")
		return
	}
	for _, t := range list {
		say(out, "%s: %s", t.Target, targetState(t))
		if t.PublicURL != "" {
			say(out, "  served at %s", t.PublicURL)
		}
		if t.Failure != "" {
			say(out, "  ! %s", t.Failure)
			if t.Next != nil {
				say(out, "  tried again at %s; failed %s so far", formatTime(*t.Next), howOften(t.Failures))
			}
		}
	}
}

func targetState(t api.Target) string {
	switch {
	case t.Current:
		return fmt.Sprintf("up to date, server.list %d, mirror.list %d, trust %d", t.Servers, t.Mirrors, t.Trust)
	case t.Visited == nil:
		return "not visited yet"
	case t.Done == nil:
		return "never up to date since the root was started"
	}
	return "behind; it was up to date " + ago(*t.Done)
}
