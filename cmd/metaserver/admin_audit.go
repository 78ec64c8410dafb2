package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/spf13/cobra"
)

// auditFlags say which records to show, or what to check.
type auditFlags struct {
	*adminFlags
	filter  audit.Filter
	since   string
	action  string
	outcome string
	verify  bool
	heads   []string
}

func adminAuditCommand(f *adminFlags) *cobra.Command {
	a := auditFlags{adminFlags: f}
	cmd := &cobra.Command{
		Use:   "audit [--since T] [--admin A] [--action X] [--subject ID] | audit --verify [FILE] [--head HASH]",
		Short: "Show who did what, and check that the record was not tampered with",
		Long: `Show the audit log: every action of an admin, what they looked at that is private,
what was refused and what was denied. With --json each record is one line, as it
is chained; that is how the log is exported:

  metaserver admin audit --json > audit.jsonl

--verify takes the whole log from the root, or from an exported FILE ("-" is
standard input, and no root is asked), computes every hash anew, and names each
record that was changed, taken out or put in; the exit status is 1 then. It
prints the head, the hash of the newest record. Note that where nobody who can
write to the database can change it: a log whose end was cut off, or that was
written anew, gives itself away by lacking a noted head, which is looked for with
--head (as often as you like).

How a record is hashed is described in package root/audit, so that the log can be
checked without this program:

  sed -n '7s/,"hash":"[0-9a-f]*"}$/}/p' audit.jsonl | tr -d '\n' | sha256sum`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.verify {
				return a.runVerify(cmd, args)
			}
			return a.runShow(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&a.since, "since", "", "from this time on: 2026-11-21, 2026-11-21T13:00:00Z, or 24h for the last 24 hours")
	flags.StringVar(&a.filter.Admin, "admin", "", "of this admin")
	flags.StringVar(&a.action, "action", "", "of this kind, as approve or wrong-token")
	flags.StringVar(&a.outcome, "outcome", "", "done, seen, refused, denied or failed")
	choose(cmd, "outcome", "done", "seen", "refused", "denied", "failed")
	flags.StringVar(&a.filter.Subject, "subject", "", "about this registration, entry, mirror or admin")
	flags.IntVar(&a.filter.Newest, "newest", 0, "so many of the newest; 0: all")
	flags.BoolVar(&a.verify, "verify", false, "check the chain")
	flags.StringArrayVar(&a.heads, "head", nil, "a head noted before, which the log must hold")
	return cmd
}

func (a *auditFlags) runShow(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) > 0:
		return &usageError{"a FILE is read with --verify only"}
	case len(a.heads) > 0:
		return &usageError{"--head goes with --verify"}
	case a.filter.Newest < 0:
		return &usageError{"--newest is a number from 1"}
	}
	if err := a.readFilter(time.Now()); err != nil {
		return err
	}
	c, err := a.client(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	log, err := c.Audit(cmd.Context(), a.filter)
	if err != nil {
		return explainProblem(err)
	}
	defer log.Close()
	if a.json {
		_, err := io.Copy(cmd.OutOrStdout(), log)
		return err
	}
	return printAudit(cmd.OutOrStdout(), log)
}

func (a *auditFlags) readFilter(now time.Time) (err error) {
	a.filter.Action = audit.Action(a.action)
	switch a.filter.Outcome = audit.Outcome(a.outcome); a.filter.Outcome {
	case "", audit.Done, audit.Seen, audit.Refused, audit.Denied, audit.Failed:
	default:
		return &usageError{fmt.Sprintf("--outcome %q is none; there are done, seen, refused, denied and failed", a.outcome)}
	}
	a.filter.Since, err = parseSince(a.since, now)
	return err
}

// parseSince reads a date, a time, or how long ago; "" is the zero time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, &usageError{fmt.Sprintf("--since %q is no time; write 2026-11-21, 2026-11-21T13:00:00Z, or 24h", text)}
}

func printAudit(out io.Writer, log io.Reader) error {
	t := newTable(out)
	n := 0
	err := audit.ReadLines(log, func(r audit.Record) error {
		if n == 0 {
			row(t, "NUMBER", "TIME", "ADMIN", "ACTION", "OUTCOME", "SUBJECT", "FROM", "DETAIL")
		}
		n++
		subject := r.Subject
		if r.Entry != "" {
			subject += " (" + r.Entry + ")"
		}
		row(t, strconv.FormatInt(r.Number, 10), formatTime(r.Time), r.Admin, string(r.Action), times(string(r.Outcome), r.Count), subject, r.Source, r.Detail)
		if n%1000 == 0 {
			t.Flush() // columns may shift; a log need not fit into memory
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("the audit log: %w", err)
	}
	if n == 0 {
		say(out, "No record is like that.")
	}
	return t.Flush()
}

func times(what string, count int64) string {
	if count == 1 {
		return what
	}
	return fmt.Sprintf("%s x%d", what, count)
}

// auditReport is what --verify --json prints.
type auditReport struct {
	Intact  bool         `json:"intact"`
	Records int64        `json:"records"`
	Number  int64        `json:"number"` // of the newest
	Time    string       `json:"time,omitempty"`
	Head    string       `json:"head"`
	Faults  []auditFault `json:"faults"`
	More    int64        `json:"more_faults,omitempty"`
}

type auditFault struct {
	Number  int64  `json:"number"`
	Time    string `json:"time,omitempty"`
	Problem string `json:"problem"`
}

func (a *auditFlags) runVerify(cmd *cobra.Command, args []string) error {
	for _, name := range []string{"since", "admin", "action", "outcome", "subject", "newest"} {
		if cmd.Flags().Changed(name) {
			return &usageError{"--verify checks the whole log; leave out --" + name}
		}
	}
	var heads []audit.Hash
	for _, text := range a.heads {
		var h audit.Hash
		if err := h.UnmarshalText([]byte(text)); err != nil {
			return &usageError{fmt.Sprintf("--head %q: %v", text, err)}
		}
		heads = append(heads, h)
	}
	log, err := a.openLog(cmd, args)
	if err != nil {
		return err
	}
	defer log.Close()
	line := newProgress(cmd.ErrOrStderr())
	report, err := audit.VerifyLines(&countedReader{log, line, 0}, heads...)
	line.end()
	if err != nil {
		return fmt.Errorf("reading the audit log: %w", err)
	}
	if a.json {
		err = printJSON(cmd.OutOrStdout(), auditReportOf(report))
	} else {
		printVerified(cmd.OutOrStdout(), report)
	}
	if err == nil && !report.Intact() {
		err = errReported
	}
	return err
}

// openLog opens an exported log, or asks the root for its own.
func (a *auditFlags) openLog(cmd *cobra.Command, args []string) (io.ReadCloser, error) {
	switch {
	case len(args) == 0:
		c, err := a.client(cmd.Context(), cmd.ErrOrStderr())
		if err != nil {
			return nil, err
		}
		log, err := c.Audit(cmd.Context(), audit.Filter{})
		return log, explainProblem(err)
	case args[0] == "-":
		return readUntilDone(cmd.Context(), cmd.InOrStdin()), nil
	}
	return os.Open(args[0])
}

func auditReportOf(r audit.Report) auditReport {
	out := auditReport{Intact: r.Intact(), Records: r.Records, Number: r.Number, Head: r.Head.String(), Faults: []auditFault{}, More: r.More}
	if !r.Time.IsZero() {
		out.Time = formatTime(r.Time)
	}
	for _, f := range r.Faults {
		one := auditFault{Number: f.Number, Problem: f.Problem}
		if !f.Time.IsZero() {
			one.Time = formatTime(f.Time)
		}
		out.Faults = append(out.Faults, one)
	}
	return out
}

func printVerified(out io.Writer, r audit.Report) {
	if r.Intact() {
		say(out, "The audit log is intact: %s.", plural(int(r.Records), "record"))
	} else {
		say(out, "The audit log was tampered with, or damaged:")
	}
	for _, f := range r.Faults {
		say(out, "  %s", f)
	}
	if r.More > 0 {
		say(out, "  and %d more", r.More)
	}
	if r.Records > 0 {
		say(out, "head  %s  (record %d, %s)", r.Head, r.Number, formatTime(r.Time))
	}
}
