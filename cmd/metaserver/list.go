package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/probe"
	"github.com/spf13/cobra"
)

// listFlags are those of the command list.
type listFlags struct {
	trust        string
	roots        []string
	cache        string
	static       string
	json         bool
	probe        bool
	verbose      bool
	allowPrivate bool
	timeout      time.Duration
}

func listCommand() *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use:   "list --trust FILE [--root URL]... [--cache DIR] [--static DIR]",
		Short: "Show the verified list of servers",
		Long: `Fetch the list of servers from the mirrors and the root, verify it, and show it.

If no live list can be had, the cached one is shown, and without a cache the
static one. Every copy is verified against the pinned trust document. What was
tried is told on standard error, and under "attempts" with --json.

--static names a folder laid out as what a root publishes: server.list,
mirror.list and trust/. --probe asks each server for its state; the list does
not depend on the answers.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runList(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.trust, "trust", "", "the pinned trust document")
	flags.StringArrayVar(&f.roots, "root", nil, "base URL of the root; may be given more than once")
	flags.StringVar(&f.cache, "cache", "", "folder to keep verified lists in; created when absent; nothing is stored without it")
	flags.StringVar(&f.static, "static", "", "folder with the lists that were shipped")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	flags.BoolVar(&f.probe, "probe", false, "ask each server for its state")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "tell every attempt")
	flags.BoolVar(&f.allowPrivate, "allow-private", false, "contact private and loopback addresses that a list names; implied when a root is at one")
	flags.DurationVar(&f.timeout, "timeout", 60*time.Second, "give up on live lists after this time")
	cmd.MarkFlagRequired("trust")
	return cmd
}

func runList(ctx context.Context, out, errOut io.Writer, f listFlags) error {
	if f.timeout <= 0 {
		return &usageError{fmt.Sprintf("--timeout %s: give a time above zero, as 30s", f.timeout)}
	}
	if err := f.checkFolders(errOut); err != nil {
		return err
	}
	client, err := newListClient(ctx, f)
	if err != nil {
		return err
	}
	note := startNote(errOut, "asking mirrors and root ...")
	refreshing, cancel := context.WithTimeout(ctx, f.timeout)
	result, err := client.Refresh(refreshing)
	late := errors.Is(refreshing.Err(), context.DeadlineExceeded)
	cancel()
	note.stop()
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return reportNoList(out, errOut, f, late, err)
	}
	var live []probe.Live
	if f.probe {
		live = probeServers(ctx, errOut, f, result.List.Servers)
	}
	if f.json {
		return printJSON(out, newListJSON(result, live))
	}
	printList(out, errOut, f, result, live)
	return nil
}

func newListClient(ctx context.Context, f listFlags) (*serverlist.Client, error) {
	if f.trust == "" {
		return nil, &usageError{"--trust is empty; give the file of the pinned trust document"}
	}
	pinned, err := readTrustFile(ctx, f.trust)
	if err == nil {
		if _, err = keys.NewChain(pinned); err != nil {
			err = fmt.Errorf("%s: %w", f.trust, err)
		}
	}
	if err != nil {
		return nil, withHint(fmt.Errorf("trust document: %w", err), "The root's admin gives it out; on the root it is D/public/trust/1.trust.")
	}
	for _, root := range f.roots {
		if err := serverlist.CheckMirrorURL(root); err != nil {
			return nil, &usageError{fmt.Sprintf("--root %q: %v", root, err)}
		}
	}
	cfg := serverlist.Config{Trust: pinned, Root: f.roots, AllowPrivate: f.allowPrivate, Log: slog.New(slog.DiscardHandler)}
	if f.cache != "" {
		cfg.Cache = serverlist.DirCache(f.cache)
	}
	if f.static != "" {
		if cfg.Static, err = staticFolder(f.static); err != nil {
			return nil, err
		}
		cfg.StaticName = f.static
	}
	client, err := serverlist.New(cfg)
	if err != nil { // of --trust and its like all is checked but that --root is a folder
		return nil, &usageError{strings.Replace(err.Error(), "Config.Root:", "--root", 1)}
	}
	return client, nil
}

// checkFolders refuses folders that cannot be what was meant. Without shipped
// lists a live or a cached one is as good, so their absence is only told.
func (f *listFlags) checkFolders(errOut io.Writer) error {
	if info, err := os.Stat(f.cache); f.cache != "" && err == nil && !info.IsDir() {
		return &usageError{fmt.Sprintf("--cache %s is %s; give a folder to keep lists in", f.cache, kindOf(info.Mode()))}
	}
	if f.cache != "" && f.static != "" && (sameFile(f.cache, f.static) || filepath.Clean(f.cache) == filepath.Clean(f.static)) {
		return &usageError{fmt.Sprintf("--cache and --static are the same folder, %s: what is shipped must not be overwritten", f.static)}
	}
	if _, err := os.Stat(f.static); f.static != "" && errors.Is(err, fs.ErrNotExist) && (f.cache != "" || len(f.roots) > 0) {
		fmt.Fprintf(errOut, "metaserver: there is no static folder %s; going on without shipped lists\n", cleanText(f.static))
		f.static = ""
	}
	return nil
}

func staticFolder(dir string) (fs.FS, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("static folder: %w", err)
	}
	if !info.IsDir() {
		return nil, &usageError{fmt.Sprintf("--static %s is a file; give the folder that holds server.list", dir)}
	}
	return os.DirFS(dir), nil
}

// probeServers asks all servers and returns their states in the list's order.
func probeServers(ctx context.Context, errOut io.Writer, f listFlags, servers []serverlist.Server) []probe.Live {
	prober := &probe.Prober{AllowPrivate: f.allowPrivate || hasPrivateRoot(f.roots)}
	note := startNote(errOut, "asking "+plural(len(servers), "server")+" ...")
	defer note.stop()
	live := make([]probe.Live, len(servers))
	for i, l := range prober.All(ctx, servers) {
		live[i] = l
	}
	return live
}

// hasPrivateRoot tells whether the user named a root inside a private network:
// then the servers of its list are expected there too.
func hasPrivateRoot(roots []string) bool {
	for _, root := range roots {
		u, err := url.Parse(root)
		if err != nil {
			continue
		}
		host := u.Hostname()
		ip, err := netip.ParseAddr(host)
		if host == "localhost" || err == nil && (ip.IsLoopback() || ip.IsPrivate()) {
			return true
		}
	}
	return false
}

// reportNoList tells why there is nothing to show at all.
func reportNoList(out, errOut io.Writer, f listFlags, late bool, err error) error {
	var none *serverlist.NoListError
	if !errors.As(err, &none) {
		return err
	}
	if f.json {
		if err := printJSON(out, map[string]any{"error": err.Error(), "attempts": attemptsJSON(none.Attempts)}); err != nil {
			return err
		}
		return errReported
	}
	printAttempts(errOut, none.Attempts)
	return withHint(errors.New("there is no list: none live, none cached, none static"),
		adviseNoList(f, late, none.Attempts))
}

// adviseNoList says what to look at first.
func adviseNoList(f listFlags, late bool, attempts []serverlist.Attempt) string {
	switch {
	case signedByOthers(attempts):
		return adviseTrust(f.trust)
	case late:
		return fmt.Sprintf("The time was over after %s: give a longer --timeout. --static names a folder with shipped lists.", f.timeout)
	case len(attempts) == 0:
		return "Nobody was asked: give --root, the URL of the root; --static names a folder with shipped lists."
	}
	return "Check the network and --root; --static names a folder with shipped lists."
}

// signedByOthers tells whether all that was refused lacks the signatures of the
// right keys.
func signedByOthers(attempts []serverlist.Attempt) bool {
	refused, strangers := 0, 0
	for _, a := range attempts {
		if a.Outcome == serverlist.OutcomeRefused {
			refused++
			if strings.Contains(a.Detail, "(threshold)") {
				strangers++
			}
		}
	}
	return strangers > 0 && strangers == refused
}

func adviseTrust(file string) string {
	return fmt.Sprintf("The lists are signed by others than %s names: is it the trust document of this root? Ask its admin for the document and its SHA-256.", file)
}

// printList prints the list for people.
func printList(out, errOut io.Writer, f listFlags, r serverlist.Result, live []probe.Live) {
	if f.verbose || r.Source != serverlist.SourceLive {
		printAttempts(errOut, r.Attempts)
	} else {
		printAttempts(errOut, cacheFailures(r.Attempts, f.cache))
	}
	h := &r.List.Head
	fmt.Fprintf(out, "%s of %s: %s, %s, %s old (version %d, from %s)\n",
		plural(len(r.List.Servers), "server"), h.Origin, r.Source, r.Freshness, formatAge(r.Age), h.Version, cleanText(r.From))
	if r.Freshness == serverlist.Old {
		fmt.Fprintln(errOut, "metaserver: this list is old; servers may have moved")
	}
	if r.ClockSuspect {
		fmt.Fprintf(errOut, "metaserver: the list is from the future (%s): is the clock of this machine right?\n", formatTime(h.Issued))
	}
	for _, e := range r.List.Skipped {
		fmt.Fprintf(errOut, "metaserver: %s\n", cleanText(e.Error()))
	}
	if len(r.List.Servers) == 0 {
		return
	}
	head := []string{"NAME", "ADDRESS", "GAME", "ID"}
	if live != nil {
		head = append(head, "STATE")
	}
	t := newTable(out, head...)
	defer t.Flush()
	for i, s := range r.List.Servers {
		cells := []string{s.Name, s.Addresses[0], s.Game, s.ID}
		if live != nil {
			cells = append(cells, stateOf(live[i]))
		}
		row(t, cells...)
	}
}

func stateOf(l probe.Live) string {
	if l.Online {
		return fmt.Sprintf("online, %.1f ms", l.RTT)
	}
	return fmt.Sprintf("%s: %s", l.State, l.Error)
}

// cacheFailures returns the attempts at using the cache that failed: what is
// shown now will be missed when everything is down.
func cacheFailures(attempts []serverlist.Attempt, cache string) (failures []serverlist.Attempt) {
	for _, a := range attempts {
		if cache != "" && a.Outcome == serverlist.OutcomeFailed && strings.HasPrefix(a.URL, filepath.Clean(cache)) {
			failures = append(failures, a)
		}
	}
	return failures
}

func printAttempts(w io.Writer, attempts []serverlist.Attempt) {
	for _, a := range attempts {
		fmt.Fprintf(w, "  %-9s %s %s\n", a.Outcome, cleanText(a.URL), cleanText(a.Detail))
	}
}
