package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/spf13/cobra"
)

// serveFlags are those of "root serve". A flag that was given wins over
// root.toml.
type serveFlags struct {
	place          rootPlace
	listen         string
	adminListen    string
	publicURL      string
	allowPrivate   bool
	queue          int
	perSource      int
	limitLoopback  bool
	passphraseFile string
	alone          bool
	logFormat      string
	logLevel       string
}

func rootServeCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve --data DIR | --config FILE",
		Short: "Serve a root: lists, registrations, the admin API",
		Long: `Serve the root in a data folder: documents and registrations on the public
listener, the admin API on the admin listener. The configuration is root.toml in
the folder, or the file that --config names; a flag that is given wins, and
"metaserver root config" prints all that may stand there. With [[target]] tables
everything published is also pushed to static hosts; with --listen none that is
all there is, and no public connection is accepted.

The passphrase of the list key, if it has one, comes from --passphrase-file, or
from $CREDENTIALS_DIRECTORY/passphrase (systemd), or from the terminal.

Before its first signature the root asks its mirrors, for at most ten seconds,
whether they have a newer list, as they do if the disk was set back to an older
state. It goes on above what they have, and serves what it has meanwhile; it
goes on, too, if none answers. --alone leaves that out.

The addresses are logged when the root is ready; port 0 means any free port. An
interrupt ends it after the requests under way, within 20 seconds; a second one
ends it at once. SIGHUP reads TLS certificates again. It answers systemd: sockets
that are handed over, readiness, watchdog.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runServe(cmd, f)
		},
	}
	flags := cmd.Flags()
	f.place.addTo(cmd)
	flags.StringVar(&f.listen, "listen", config.DefaultListen, "address of the public listener; none: there is none")
	flags.StringVar(&f.adminListen, "admin-listen", config.DefaultAdminListen, "address of the admin listener")
	flags.StringVar(&f.publicURL, "public-url", "", "the URL under which the world reaches the root")
	flags.BoolVar(&f.allowPrivate, "allow-private", false, "take registrations of loopback and private addresses from anywhere")
	flags.IntVar(&f.queue, "queue", 0, "registrations that may wait for a decision")
	flags.IntVar(&f.perSource, "per-source", 0, "new registrations an hour of one source; -1: no limit")
	flags.BoolVar(&f.limitLoopback, "limit-loopback", false, "count registrations of this machine, too")
	flags.StringVar(&f.logFormat, "log-format", "text", "how the log is written: text or json")
	choose(cmd, "log-format", "text", "json")
	flags.StringVar(&f.logLevel, "log-level", "info", "from which level on: debug, info, warn or error")
	choose(cmd, "log-level", "debug", "info", "warn", "error")
	flags.StringVar(&f.passphraseFile, "passphrase-file", "", "file with the passphrase of the list key")
	flags.BoolVar(&f.alone, "alone", false, "sign without having looked at a mirror first, after a restore too")
	return cmd
}

func runServe(cmd *cobra.Command, f serveFlags) error {
	cfg, err := f.place.load()
	if err != nil {
		return err
	}
	if err := f.override(cmd, &cfg); err != nil {
		return err
	}
	cfg.Alone = f.alone
	cfg.Log = newLog(cmd.ErrOrStderr(), cfg.LogFormat, cfg.LogLevel)
	cfg.Passphrase = func() ([]byte, error) { return servePassphrase(cmd.Context(), cmd.ErrOrStderr(), f.passphraseFile) }
	if err := lookAtMirrors(cmd, cfg, f.alone); err != nil {
		return err
	}
	if cfg.Handed, err = handedSockets(); err != nil {
		return err
	}
	cfg.Ready = supervisor{cfg.Log}.serving
	for {
		err := serveOnce(cmd, cfg)
		if !errors.Is(err, root.ErrWritable) {
			return err
		}
		if len(cfg.Handed) > 0 {
			return withHint(err, "The sockets are systemd's, which starts the root again.")
		}
	}
}

// serveOnce serves a root until it is told to end. One that cannot write to its
// data folder serves what was published last, until it can.
func serveOnce(cmd *cobra.Command, cfg config.Config) error {
	r, err := root.New(cfg)
	if root.CannotWrite(err) {
		r, err = root.NewStill(cfg, err)
	}
	if err != nil {
		return explainKey(err)
	}
	stop := supervise(cmd.Context(), r, cfg.Log)
	err = r.Run(cmd.Context())
	stop()
	if errors.Is(err, root.ErrNotEnded) {
		return err
	}
	return errors.Join(err, r.Close())
}

// override takes the flags that were given.
func (f *serveFlags) override(cmd *cobra.Command, cfg *config.Config) error {
	given := cmd.Flags().Changed
	for name, value := range map[string]int{"queue": f.queue, "per-source": f.perSource} {
		if given(name) && value == 0 {
			return &usageError{fmt.Sprintf("--%s 0 would mean the default; leave it out for that, or give a number from 1", name)}
		}
	}
	if given("listen") {
		if cfg.Listen = f.listen; f.listen == "" {
			cfg.Listen = config.ListenNone
		}
	}
	if given("admin-listen") {
		cfg.AdminListen = f.adminListen
	}
	if given("public-url") {
		cfg.PublicURL = f.publicURL
	}
	if given("allow-private") {
		cfg.AllowPrivate = f.allowPrivate
	}
	if given("queue") {
		cfg.Queue = f.queue
	}
	if given("per-source") {
		cfg.PerSource = f.perSource
	}
	if given("limit-loopback") {
		cfg.LimitLoopback = f.limitLoopback
	}
	return f.overrideLog(given, cfg)
}

func (f *serveFlags) overrideLog(given func(string) bool, cfg *config.Config) error {
	if given("log-format") {
		if cfg.LogFormat = f.logFormat; f.logFormat != "text" && f.logFormat != "json" {
			return &usageError{fmt.Sprintf("--log-format %q is not text or json", f.logFormat)}
		}
	}
	if given("log-level") {
		if err := cfg.LogLevel.UnmarshalText([]byte(f.logLevel)); err != nil {
			return &usageError{fmt.Sprintf("--log-level %q is not debug, info, warn or error", f.logLevel)}
		}
	}
	return nil
}

// newLog writes what is at least as grave as level, for people or for programs.
func newLog(w io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// explainKey says what to do about a key that does not open.
func explainKey(err error) error {
	switch {
	case errors.Is(err, keyfile.ErrPassphrase):
		return withHint(err, "The passphrase is that which was given when this key was made, by \"root init\" or \"key new\".")
	case errors.Is(err, keyfile.ErrNeedsPassphrase):
		return withHint(err, "What was given is empty. Give --passphrase-file FILE with the passphrase of the list key.")
	}
	return err
}
