package main

import (
	"io"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

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
		Args: noArguments,
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
		return "waits, tried " + howOften(m.Tries)
	case m.Error != "":
		return "given up"
	}
	return "sent " + ago(*m.Done)
}
