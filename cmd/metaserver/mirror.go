package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/signed-metaserver/metaserver/mirror"
	"github.com/spf13/cobra"
)

func mirrorCommand() *cobra.Command {
	return group("mirror", "Carry a root's documents to a static web host",
		mirrorSetupCommand(),
		mirrorOnceCommand(),
		mirrorRunCommand(),
		mirrorCheckCommand(),
		mirrorStatusCommand(),
		mirrorRegisterCommand(),
	)
}

const mirrorConfigHelp = `
The configuration is a TOML file. Relative paths are relative to it.

  root = "http://ms.example.org/"
  trust = "1.trust"            # the trust document that the root's admin gave you
  schedule = "17 * * * *"      # optional, for "mirror run": when to look, in UTC;
                               # without it once an hour, at a minute of its own
  jitter = "10m"               # optional: a random time up to this is added to
                               # each turn; "0s": none; without it a tenth of
                               # the time between two turns, at most 10 minutes
                               # (without a schedule: 10 minutes)
  allow_private = false        # optional: use mirrors at private addresses
  warn_before = "6h"           # optional: when what is published counts as about
                               # to be stale; without it when a quarter of its
                               # time is left

  [[target]]                   # one or more
  type = "folder"
  path = "/srv/mirror"
  public_url = "http://mirror.example.net/ms/"  # optional: checked from outside

  [[notify]]                   # any number: whom to tell of it
  type = "mail"
  host = "smtp.example.net:587"
  from = "mirror@example.net"
  to = ["me@example.net"]
  user = "mirror@example.net"       # optional, with password_file or password_env
  password_file = "smtp.password"
  tls = "starttls"                  # the default; or "tls", "none"

  [[notify]]
  type = "webhook"                  # posts JSON
  url = "https://example.net/hook"  # or url_file, url_env
  secret_file = "hook.secret"       # optional: Webhook-Signature, as Standard Webhooks has it

A secret is one line in a file of its own, or an environment variable. Other
types of targets, and their keys: "metaserver mirror setup --help".

Folders that the web server serves need nothing else: plain files, any MIME
type. No key and no state is kept; what is published is read back each time.`

func mirrorOnceCommand() *cobra.Command {
	var config string
	var asJSON, tell bool
	var jitter time.Duration
	cmd := &cobra.Command{
		Use:   "once --config FILE",
		Short: "Fetch, verify and publish the newest lists, once",
		Long: `Fetch the newest lists of a root, verify them, and publish them to every target
if they are news. Nothing is ever replaced by something older or unverified. If
the root is away, the newest verified lists of other mirrors are used.

One line is printed for each target. The exit status is 0 if the root answered
and every target holds the newest lists, whether or not they are news; else it
is 1, standard error says why, and the targets keep complete lists. It is 3,
whatever else happened, if what some target holds is stale or about to be
("mirror check" says 3 only if nothing else is wrong); with --notify that is
also told to the [[notify]] channels, each time.

A job that starts on many machines at the same minute should have --jitter 10m:
it waits for a random time up to that before it begins.
` + mirrorConfigHelp,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := loadMirror(config, nil)
			if err != nil {
				return err
			}
			if jitter < 0 {
				return &usageError{"--jitter is below 0"}
			}
			if !m.Spread(cmd.Context(), jitter) {
				return errInterrupted
			}
			note := startNote(cmd.ErrOrStderr(), "mirroring "+m.Origin()+" ...")
			report, err := m.Once(cmd.Context())
			note.stop()
			interrupted := cmd.Context().Err() != nil && err != nil
			if tell && !interrupted {
				if err := m.Tell(cmd.Context(), &report); err != nil {
					printError(cmd.ErrOrStderr(), err)
				}
			}
			switch {
			case asJSON && interrupted:
				return errors.Join(printJSON(cmd.OutOrStdout(), report), errReported)
			case asJSON:
				return errors.Join(printJSON(cmd.OutOrStdout(), report), statusOf(&report, err))
			}
			printMirrorReport(cmd.OutOrStdout(), cmd.ErrOrStderr(), &report)
			if interrupted {
				return errors.New("interrupted; every target keeps complete documents, and the next run goes on")
			}
			return statusOf(&report, err)
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "the mirror's configuration file")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&tell, "notify", false, "tell the [[notify]] channels if what is published is stale or about to be")
	cmd.Flags().DurationVar(&jitter, "jitter", 0, "wait for a random time up to this first, as 10m")
	cmd.MarkFlagRequired("config")
	return cmd
}

func mirrorRunCommand() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use:   "run --config FILE",
		Short: "Mirror at once and then on a schedule, until stopped",
		Long: `Do what "mirror once" does, at once and then at each turn of the schedule, until
an interrupt. While runs fail, as when the root is away, the next try comes
after 1, 2, 4 ... and at most 60 minutes. What happens is logged to standard
error. When what is published is about to be stale, or is, and when it is fresh
again, that is told once, to the log and to the [[notify]] channels.
` + mirrorConfigHelp,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := loadMirror(config, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
			if err != nil {
				return err
			}
			return m.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "the mirror's configuration file")
	cmd.MarkFlagRequired("config")
	return cmd
}

func loadMirror(config string, log *slog.Logger) (*mirror.Mirror, error) {
	cfg, err := mirror.ReadConfig(config)
	if err != nil {
		return nil, err
	}
	cfg.Log = log
	return mirror.New(cfg)
}

// reported makes of any failure one whose text is in the report.
func reported(err error) error {
	if err != nil {
		return errReported
	}
	return nil
}

// statusOf makes the exit status of a report that is printed.
func statusOf(r *mirror.Report, err error) error {
	if r.Fading() {
		return errFading
	}
	return reported(err)
}

// printMirrorReport prints a line for each target and, on standard error, what
// an operator should look at. When all is well that is one line for a mirror
// with one target.
func printMirrorReport(out, problems io.Writer, r *mirror.Report) {
	for _, e := range r.Root.Errors {
		printError(problems, fmt.Errorf("root %s: %s", r.Root.URL, e))
	}
	for _, n := range r.Root.Notes {
		fmt.Fprintf(problems, "root %s: %s\n", r.Root.URL, cleanText(n))
	}
	for _, m := range r.Mirrors {
		fmt.Fprintf(problems, "mirror %s: %s\n", cleanText(m.URL), cleanText(m.Answer))
	}
	for i := range r.Targets {
		t := &r.Targets[i]
		for _, remark := range t.Remarks() {
			fmt.Fprintf(problems, "%s: %s\n", t.Target, cleanText(remark))
		}
		if !t.OK {
			printError(problems, fmt.Errorf("%s: %s", t.Target, t.Error))
		}
		fmt.Fprintln(out, cleanText(t.String()))
		if t.Freshness == mirror.Stale || t.Freshness == mirror.Expiring {
			fmt.Fprintf(problems, "%s: %s\n", t.Target, describeFading(t))
		}
	}
	if len(r.Root.Errors) > 0 && !slices.Contains(r.Root.Errors, mirror.Interrupted) {
		fmt.Fprintln(problems, "  The root did not answer as it should, so it is not known whether these are the newest lists. What is published stays.")
	}
}

// describeFading says what clients will see.
func describeFading(t *mirror.TargetReport) string {
	if t.Freshness == mirror.Stale {
		return "what is published is stale since " + formatTime(t.FreshUntil) + ": clients take it, and say how old it is"
	}
	return "what is published is about to be stale: clients call it old from " + formatTime(t.FreshUntil)
}
