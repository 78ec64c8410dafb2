package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/signed-metaserver/metaserver/mirror"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
	"github.com/spf13/cobra"
)

// A mirrorSetup is one call of "mirror setup": what was given as flags, then
// completed by questions.
type mirrorSetup struct {
	out, errOut io.Writer
	given       *cobra.Command // with its flags
	ask         *asker         // nil: nobody can be asked

	root, sum, config string
	kind, public      string
	lines             []string // of the target's table
	minute            int

	secret     []byte // typed on the terminal; nil: none
	secretFile string // where it goes

	register bool
	request  api.MirrorRequest
	systemd  string
}

func mirrorSetupCommand() *cobra.Command {
	s := &mirrorSetup{minute: rand.IntN(60)}
	cmd := &cobra.Command{
		Use:   "setup --root URL --trust-sha256 H [--config FILE]",
		Short: "Make a mirror: configuration, first publication, registration, timer",
		Long: `Become a mirror of a root. The trust document with the hash is fetched and
verified; on a terminal a few questions are asked, again if something turns out
to be wrong, elsewhere flags answer them.
Then the configuration and the trust document are written, the target is tested
(a small file is written, renamed, read back and removed), the first publication
is made and read back, and the line for cron is printed. No file that is there
is ever replaced; if nothing could be published, nothing is left.

Get the hash from the root's admin by a way that the root's host does not
control; "metaserver root show" prints it.

Passwords are never flags: name a file or an environment variable. One that is
typed on the terminal is not shown, and is stored beside the configuration, in a
file that only you can read.

With --register the root is asked to put the mirror into its list. An admin
decides; keep the status URL that is printed, by which "register status" tells.

  metaserver mirror setup --root http://ms.example.org/ --trust-sha256 H \
      --type folder --path /srv/mirror --public-url http://mirror.example.net/ms/

The types and their flags:
` + describeTypes(),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.out, s.errOut, s.given = cmd.OutOrStdout(), cmd.ErrOrStderr(), cmd
			if s.kind == "" && isTerminal(os.Stdin) {
				s.ask = &asker{in: os.Stdin, out: s.errOut}
			}
			return s.run(cmd.Context())
		},
	}
	s.flags(cmd)
	return cmd
}

func (s *mirrorSetup) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.root, "root", "", "base URL of the root")
	f.StringVar(&s.sum, "trust-sha256", "", "hash of the trust document to pin, 64 hex digits")
	f.StringVar(&s.config, "config", "mirror.toml", "configuration file to write; the trust document is written beside it")
	f.StringVar(&s.kind, "type", "", "what to publish to: "+strings.Join(hosts.Types(), ", "))
	choose(cmd, "type", hosts.Types()...)
	f.StringVar(&s.public, "public-url", "", "where players find what is published; checked from outside")
	f.StringVar(&s.systemd, "systemd", "", "write a systemd service and timer into this folder")
	f.BoolVar(&s.register, "register", false, "ask the root to list this mirror (needs --public-url, --id, --operator and --email)")
	requestFlags(cmd, &s.request)
	for _, kind := range hosts.Types() {
		for _, field := range hosts.Fields(kind) {
			s.flag(cmd, field)
		}
	}
	cmd.MarkFlagRequired("root")
	cmd.MarkFlagRequired("trust-sha256")
}

// flag adds the flags of one field, unless another type has one of that name.
func (s *mirrorSetup) flag(cmd *cobra.Command, field hosts.Field) {
	f := cmd.Flags()
	if f.Lookup(flagNames(field)[0]) != nil {
		return
	}
	switch name := flagNames(field)[0]; field.Kind {
	case hosts.List:
		f.StringArray(name, nil, field.Question+"; may be given more than once")
	case hosts.Switch:
		f.Bool(name, false, field.Question)
	case hosts.Secret:
		f.String(name, "", field.Question+": file that holds it")
		f.String(flagNames(field)[1], "", field.Question+": environment variable that holds it")
	default:
		f.String(name, "", field.Question)
	}
}

// flagNames are the flags of a field: two for a secret, else one.
func flagNames(field hosts.Field) []string {
	name := strings.ReplaceAll(field.Key, "_", "-")
	if field.Kind == hosts.Secret {
		return []string{name + "-file", name + "-env"}
	}
	return []string{name}
}

// describeTypes lists the types of targets with their flags.
func describeTypes() string {
	var b strings.Builder
	for _, kind := range hosts.Types() {
		fmt.Fprintf(&b, "\n  %-8s %s\n          ", kind, hosts.About(kind))
		for _, field := range hosts.Fields(kind) {
			fmt.Fprintf(&b, " --%s", strings.Join(flagNames(field), " --"))
		}
	}
	return b.String()
}

// run does all or nothing until the first publication is made; what follows is
// told and leaves the mirror as it is.
func (s *mirrorSetup) run(ctx context.Context) error {
	if err := s.checkPlaces(); err != nil {
		return err
	}
	note := startNote(s.errOut, "looking for the trust document ...")
	trust, err := findTrust(ctx, s.root, s.sum)
	note.stop()
	if err != nil {
		return err
	}
	files, report, err := s.begin(ctx, trust)
	for err != nil && s.asksAgain(ctx, &err) {
		files, report, err = s.begin(ctx, trust)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s\n", cleanText(report.Targets[0].String()))
	for _, f := range files {
		fmt.Fprintf(s.out, "written: %s\n", f.path)
	}
	var problems []error
	if !report.OK {
		problems = append(problems, withHint(report.Err(), fmt.Sprintf("The mirror is set up. When this is put right, \"metaserver mirror check --config %s\" tells.", s.config)))
	}
	switch later := fmt.Sprintf("Register it by \"metaserver mirror register --config %s\".", s.config); {
	case s.register && !report.Targets[0].Verified:
		problems = append(problems, withHint(errors.New("not registered, because players would not find it at the public URL"), later))
	case s.register:
		problems = append(problems, withHint(s.sendRequest(ctx), "The mirror is set up and works. "+later))
	}
	s.printTimer()
	return s.tell(problems)
}

// begin asks, writes the files and makes the first publication, or leaves all as
// it was.
func (s *mirrorSetup) begin(ctx context.Context, trust []byte) (setupFiles, mirror.Report, error) {
	files, err := s.prepare(ctx, trust)
	if err != nil {
		return nil, mirror.Report{}, err
	}
	if err := files.write(); err != nil {
		return nil, mirror.Report{}, err
	}
	report, err := s.firstPublication(ctx)
	if err != nil {
		return nil, report, errors.Join(err, files.remove())
	}
	return files, report, nil
}

// tell prints what did not work, each with its hint.
func (s *mirrorSetup) tell(problems []error) error {
	var status error
	for _, err := range problems {
		if err != nil {
			printError(s.errOut, err)
			status = errReported
		}
	}
	return status
}

// firstPublication reads the configuration as every later run does, and
// publishes. Its error means that nothing was published.
func (s *mirrorSetup) firstPublication(ctx context.Context) (mirror.Report, error) {
	cfg, err := mirror.ReadConfig(s.config)
	if err != nil {
		return mirror.Report{}, withHint(err, "The file is removed again; give other flags.")
	}
	for _, n := range cfg.Notes {
		fmt.Fprintf(s.errOut, "note: %s\n", cleanText(n))
	}
	m, err := mirror.New(cfg)
	if err != nil {
		return mirror.Report{}, err
	}
	note := startNote(s.errOut, "testing the target ...")
	err = m.Try(ctx)[0]
	note.stop()
	if err != nil && !errors.Is(err, publish.ErrUntried) {
		return mirror.Report{}, withHint(s.untested(ctx, m, err), notPublished(&mirror.TargetReport{}))
	}
	note = startNote(s.errOut, "publishing for the first time ...")
	report, err := m.Once(ctx)
	note.stop()
	if !report.Targets[0].Current {
		return report, withHint(err, notPublished(&report.Targets[0]))
	}
	return report, nil
}

// untested says which target failed its test.
func (s *mirrorSetup) untested(ctx context.Context, m *mirror.Mirror, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return fmt.Errorf("%s: %w", m.Targets()[0], err)
}

// notPublished says what is left where, when the target lacks some document.
func notPublished(t *mirror.TargetReport) string {
	what := "Nothing was published,"
	if len(t.Documents) > 0 {
		what = "Not everything was published; what is there already stays,"
	}
	return what + " and the files that were written are removed again. Put this right and run the same command again."
}

func (s *mirrorSetup) sendRequest(ctx context.Context) error {
	accepted, err := registerMirror(ctx, s.errOut, s.root, s.request)
	if err != nil {
		return fmt.Errorf("the root did not take the registration: %w", err)
	}
	return printAccepted(s.out, s.errOut, accepted, false)
}

// printTimer tells how the mirror is kept up to date.
func (s *mirrorSetup) printTimer() {
	if isFleeting(executable()) {
		fmt.Fprintf(s.out, "note: %s was built by \"go run\" and is gone when this ends. Install the program, and write its place instead of that path.\n", executable())
	}
	if s.systemd != "" {
		user := ""
		if forUser(s.systemd) {
			user = "--user "
		}
		if place := unitPlace(s.systemd); place != "" {
			fmt.Fprintf(s.out, "Copy the units to where systemd finds them, as root: install -m 644 %s %s %s\n", shellQuote(s.unitFile(".service")), shellQuote(s.unitFile(".timer")), place)
		}
		fmt.Fprintf(s.out, "Start the timer: systemctl %sdaemon-reload && systemctl %senable --now %s.timer\n", user, user, s.unitName())
		return
	}
	fmt.Fprintf(s.out, "A line for \"crontab -e\", to keep it up to date:\n%s\n", cronLine(s.minute, executable(), absolute(s.config)))
	for _, name := range s.variables() {
		fmt.Fprintf(s.out, "note: cron does not know the variable %s. Write a line %s=... into the crontab above this one, or better name a file that only you can read.\n", name, name)
	}
}

// cronLine quotes as sh and cron do. Cron mails what is printed; what goes wrong
// is on standard error.
func cronLine(minute int, program, config string) string {
	quote := func(word string) string { return strings.ReplaceAll(shellQuote(word), "%", `\%`) }
	return fmt.Sprintf("%d * * * * %s mirror once --config %s --jitter 10m >/dev/null", minute, quote(program), quote(config))
}

// shellQuote writes a word for sh.
func shellQuote(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\n'\"\\$&|;<>()*?[]#~%`!{}") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// executable is this program, as a timer finds it.
func executable() string {
	path, err := os.Executable()
	if err != nil {
		return "metaserver"
	}
	return path
}

// isFleeting tells whether a program is one that "go run" removes when it ends.
func isFleeting(program string) bool {
	return strings.Contains(filepath.ToSlash(program), "/go-build") && strings.Contains(filepath.ToSlash(program), "/exe/")
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
