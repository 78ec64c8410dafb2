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
		Args:  cobra.NoArgs,
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
				say(out, "  tried again at %s; failed %d times so far", formatTime(*t.Next), t.Failures)
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

func adminMessagesCommand(f *adminFlags) *cobra.Command {
	var test bool
	cmd := &cobra.Command{
		Use:   "messages [--test]",
		Short: "List what requesters, operators, admins and webhooks are told, sent and waiting",
		Long: `List the e-mails and webhook messages of the root, newest first: sent, waiting for
the next try, or given up after three days, and why. [mail] and [[webhook]] in
root.toml say who is told.

With --test a message is put on its way to every admin and every webhook; look at
the list a moment later to see what has become of it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if test {
				return work(cmd, f, func(c *api.Client) (api.TestSent, error) {
					return c.TestMessages(cmd.Context())
				}, func(out io.Writer, sent api.TestSent) {
					say(out, "%s on the way; \"metaserver admin messages\" says what becomes of them.", plural(sent.Messages, "message"))
				})
			}
			return work(cmd, f, func(c *api.Client) ([]api.Message, error) {
				return c.Messages(cmd.Context())
			}, printMessages)
		},
	}
	cmd.Flags().BoolVar(&test, "test", false, "send a message to every admin and every webhook")
	return cmd
}

func printMessages(out io.Writer, list []api.Message) {
	if len(list) == 0 {
		say(out, "There is no message.")
		return
	}
	for _, m := range list {
		to := m.Recipient
		if m.Channel != "" {
			to = "webhook " + m.Channel
		}
		say(out, "%s  %s  %s: %s", formatTime(m.Created), to, m.Subject, messageState(m))
		if m.Error != "" {
			say(out, "  ! %s", m.Error)
		}
	}
}

func messageState(m api.Message) string {
	switch {
	case m.Done == nil:
		return fmt.Sprintf("waits, %d tries", m.Tries)
	case m.Error != "":
		return "given up"
	}
	return "sent " + ago(*m.Done)
}

func adminRegisterCommand(f *adminFlags) *cobra.Command {
	var req api.RegistrationRequest
	var probe string
	cmd := &cobra.Command{
		Use:   "register --name N --address HOST:PORT --game G --email E --description D",
		Short: "Put a server's registration into the queue, through the admin listener",
		Long: `Put a server's registration into the queue, through the admin listener: for a
root without a public listener, whose requests come by mail or telephone. It is
approved like any other.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			complete(&req, probe)
			return work(cmd, f, func(c *api.Client) (api.Accepted, error) {
				return c.RegisterByAdmin(cmd.Context(), req)
			}, func(out io.Writer, a api.Accepted) {
				say(out, "Registration %s is %s.", a.ID, a.Status)
			})
		},
	}
	registrationFlags(cmd.Flags(), &req, &probe)
	for _, name := range requiredOfServer {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}
