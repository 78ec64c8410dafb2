package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func adminMirrorsRegisterCommand(f *adminFlags) *cobra.Command {
	var req api.MirrorRequest
	cmd := &cobra.Command{
		Use:   "register --id I --operator O --email E --url U",
		Short: "Put a mirror's request into the queue, through the admin listener",
		Long: `Put a mirror's request into the queue, through the admin listener: for a root
without a public listener, whose requests come by mail or telephone. It is
approved like any other. "add" puts a mirror into the list at once.

A URL that ends in "/" is the folder of server.list, mirror.list and trust/; any
other URL is the server list itself.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.Accepted, error) {
				return c.RegisterMirrorByAdmin(cmd.Context(), req)
			}, func(out io.Writer, a api.Accepted) {
				say(out, "Request %s is %s.", a.ID, a.Status)
			})
		},
	}
	requestFlags(cmd, &req)
	cmd.Flags().StringArrayVar(&req.URLs, "url", nil, "its URL; may be given more than once")
	for _, name := range []string{"id", "operator", "email", "url"} {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}

func adminMirrorsPendingCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "pending",
		Short: "List the mirrors that wait for a decision",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) ([]api.MirrorRegistration, error) {
				return c.PendingMirrors(cmd.Context())
			}, printPendingMirrors)
		},
	}
}

func printPendingMirrors(out io.Writer, list []api.MirrorRegistration) {
	if len(list) == 0 {
		say(out, "No mirror waits for a decision.")
		return
	}
	var rows []remarkedRow
	for _, r := range list {
		one := remarkedRow{cells: []string{r.ID, r.Mirror, r.Operator, ago(r.Created), r.Source, strings.Join(r.URLs, ",")}}
		add := func(remark string) { one.remarks = append(one.remarks, remark) }
		if r.Look != nil {
			add(lookMark(r.Look) + " " + looked(r.Look))
		}
		if r.Revision > 1 {
			add("! " + changed(r.LastSource, r.Requests, r.Revision))
		}
		for _, c := range r.Conflicts {
			add("! same " + c.Kind + " as " + otherMirror(c))
		}
		if r.Block != nil {
			add("! " + blockedBy(r.Block))
		}
		if r.Updates != "" {
			add("= updates mirror " + r.Updates)
		}
		rows = append(rows, one)
	}
	printRemarked(out, []string{"ID", "MIRROR", "OPERATOR", "SENT", "FROM", "URL"}, rows)
}

// looked says in a sentence what the root has seen of a mirror that waits.
func looked(c *api.Check) string {
	text := fmt.Sprintf("looked at %s: %s", ago(c.At), c.State)
	if c.Error != "" {
		text += ": " + c.Error
	}
	return text
}

func lookMark(c *api.Check) string {
	if c.Error != "" {
		return "!"
	}
	return "="
}

func otherMirror(c api.MirrorConflict) string {
	if c.Mirror != "" {
		return "listed mirror " + c.Mirror
	}
	return "request " + c.Registration
}

func printMirrorRequest(out io.Writer, r api.MirrorRegistration) {
	f := newFacts(out)
	f.line("id", r.ID)
	f.line("status", r.Status)
	f.line("mirror", r.Mirror)
	f.line("operator", r.Operator)
	f.line("region", r.Region)
	f.line("contact", r.Contact)
	f.line("e-mail", r.Email+" (never published)")
	for _, u := range r.URLs {
		f.line("url", u)
	}
	f.line("sent", fmt.Sprintf("%s (%s), %s", formatTime(r.Created), ago(r.Created), howOften(r.Requests)))
	f.line("from", hostOf(r.Source))
	f.line("last from", hostOf(r.LastSource))
	f.line("revision", strconv.Itoa(r.Revision))
	if r.Revision > 1 {
		f.line("! changed", changed(r.LastSource, r.Requests, r.Revision))
	}
	f.line("updates", r.Updates)
	if r.Decided != nil {
		f.line("decided", formatTime(*r.Decided)+" by "+decider(r.Admin))
	}
	f.line("reason", r.Reason)
	if r.Look != nil {
		f.line(strings.TrimPrefix(lookMark(r.Look)+" serves", "= "), looked(r.Look))
	}
	for _, c := range r.Conflicts {
		f.line("! conflict", "same "+c.Kind+" as "+otherMirror(c)+": "+c.Value)
	}
	if r.Block != nil {
		f.line("! block", blockedBy(r.Block))
	}
	f.Flush()
}

func adminMirrorsApproveCommand(f *adminFlags) *cobra.Command {
	var how api.MirrorApproval
	cmd := &cobra.Command{
		Use:   "approve ID [--revision N] [--id MIRROR-ID] [--replace] [--unchecked]",
		Short: "Put a mirror that asked for it into the mirror list",
		Long: `Put a mirror that asked for it into the mirror list, under the id that it wishes
unless --id gives another. The root fetches and verifies what the mirror serves,
as clients do, and refuses one where they would find nothing; --unchecked lists
it all the same. The command returns when the list that names it is served.

Whoever sent a request may change it while it waits. --revision N approves only
what "show" and "pending --json" have shown as revision N, and refuses what has
changed since.

A request of a listed mirror, from the same e-mail address, updates it. With
--replace, and --id where the ids differ, any request takes a mirror's place.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.Published, error) {
				p, err := c.ApproveMirror(cmd.Context(), args[0], how)
				return p, explainTakenMirror(err)
			}, func(out io.Writer, p api.Published) {
				say(out, "Mirror %s is in the mirror list, version %d.", p.ID, p.Version)
			})
		},
	}
	cmd.Flags().IntVar(&how.Revision, "revision", 0, "refuse if the request has another revision by now; 0: any")
	cmd.Flags().StringVar(&how.Mirror, "id", "", "id in the mirror list, [a-z0-9-]")
	uncheckedFlag(cmd, &how.Unchecked)
	cmd.Flags().BoolVar(&how.Replace, "replace", false, "a mirror of this id is listed, and this one takes its place")
	return cmd
}

// explainTakenMirror names the ways out when a mirror of the id is listed.
func explainTakenMirror(err error) error {
	var p *api.Problem
	if errors.As(err, &p) && p.Status == http.StatusConflict && len(p.Errors) == 1 && p.Errors[0].Field == "mirror" {
		return withHint(err, "Nothing was changed. --id I lists it under another id; --replace lets it take the place of the mirror that has this one.")
	}
	return err
}

func adminMirrorsRejectCommand(f *adminFlags) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "reject ID --reason R",
		Short: "Turn a mirror's request down",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return work(cmd, f, func(c *api.Client) (api.Decided, error) {
				return c.RejectMirror(cmd.Context(), args[0], reason)
			}, func(out io.Writer, d api.Decided) {
				say(out, "Request %s is %s.", d.ID, d.Status)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; the requester reads it")
	cmd.MarkFlagRequired("reason")
	return cmd
}
