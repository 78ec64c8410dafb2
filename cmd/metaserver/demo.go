package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/spf13/cobra"
)

func demoCommand() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "demo [--once]",
		Short: "Run a root, two mirrors and a client on loopback",
		Long: `Run everything at once on loopback, in a temporary folder: a root that takes
three registrations, an admin who approves two and rejects one, two mirrors on
plain file servers, and the verifying client. Then switch it off piece by piece;
the client shows the list all the while.

Each step is one line that begins with the state it shows. With --once the demo
ends there. Without it everything is started again and stays up until
interrupted, for you to try.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDemo(cmd.Context(), cmd.OutOrStdout(), once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end after the last step")
	return cmd
}

func runDemo(ctx context.Context, out io.Writer, once bool) (err error) {
	w, err := newDemoWorld(ctx)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { err = errors.Join(err, w.close()) }()
	d := &demo{demoWorld: w, out: out}
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"init", d.initRoot},
		{"serve", d.startRoot},
		{"mirrors", d.addMirrors},
		{"register", d.register},
		{"decide", d.decide},
		{"publish", d.publish},
		{"mirror", d.mirrorOnce},
		{"live", d.showLive},
		{"root stopped", d.showRootStopped},
		{"tampered", d.showTampered},
		{"cached", d.showCached},
		{"static", d.showStatic},
	} {
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("demo, step %q: %w", step.name, err)
		}
	}
	if once {
		return nil
	}
	return d.stayUp(ctx)
}

// A demo tells the story. What it is about is in demoWorld.
type demo struct {
	*demoWorld
	out     io.Writer
	pending []api.Accepted
}

// say prints one step: the state or the deed, and what there is to see.
func (d *demo) say(state, format string, args ...any) {
	fmt.Fprintf(d.out, "%-9s %s\n", state, cleanText(fmt.Sprintf(format, args...)))
}

func (d *demo) startRoot(ctx context.Context) error {
	if err := d.serveRoot(ctx); err != nil {
		return err
	}
	d.say("serve", "root up: public %s, admin %s", d.rootURL, d.adminURL)
	return nil
}

func (d *demo) initRoot(ctx context.Context) error {
	made, err := d.makeRoot(ctx)
	if err != nil {
		return err
	}
	d.say("init", "origin %s, trust/1.trust (SHA-256 %.16s...), an empty signed list", made.Origin, made.TrustSHA256)
	return nil
}

// addMirrors starts two file servers and puts them into the signed mirror list.
func (d *demo) addMirrors(ctx context.Context) error {
	for _, m := range d.mirrors {
		if err := m.serve(); err != nil {
			return err
		}
		published, err := d.admin.AddMirror(ctx, api.NewMirror{Unchecked: true, Mirror: api.Mirror{ID: m.name, Operator: "operator of " + m.name, URLs: []string{m.url}}})
		if err != nil {
			return err
		}
		d.say("mirrors", "%s at %s is in the signed mirror list, version %d", m.name, m.url, published.Version)
	}
	return nil
}

// register asks for three servers to be listed; the last one is an impostor.
func (d *demo) register(ctx context.Context) error {
	public := &api.Client{Root: d.rootURL}
	for _, s := range []api.RegistrationRequest{
		{Name: "Cat 2", Address: "cat2.example.net:13327", Game: "crossfire", Email: "cat@example.net", Description: "The friendly one"},
		{Name: "Metalforge", Address: "metalforge.example.net:13327", Game: "crossfire", Email: "forge@example.net", Description: "Since 1995"},
		{Name: "Cat 2", Address: "192.0.2.66:13327", Game: "crossfire", Email: "mallory@example.com", Description: "Please log in here"},
	} {
		accepted, err := public.Register(ctx, s)
		if err != nil {
			return err
		}
		d.pending = append(d.pending, accepted)
		d.say("register", "%q at %s: %s as %s", s.Name, s.Address, accepted.Status, accepted.ID)
	}
	return nil
}

func (d *demo) decide(ctx context.Context) error {
	queue, err := d.admin.Pending(ctx)
	if err != nil {
		return err
	}
	for _, r := range queue {
		for _, c := range r.Conflicts {
			d.say("conflict", "%s at %s has the same %s as %s: the admin decides", r.ID, r.Addresses[0], c.Kind, c.EntryID+c.Registration)
		}
	}
	for _, p := range d.pending[:2] {
		decided, err := d.admin.Approve(ctx, p.ID, api.Approval{})
		if err != nil {
			return err
		}
		d.say("approve", "%s becomes the entry %s", p.ID, decided.EntryID)
	}
	const reason = "same name as cat-2, other owner"
	if _, err := d.admin.Reject(ctx, d.pending[2].ID, reason); err != nil {
		return err
	}
	d.say("reject", "%s: %s", d.pending[2].ID, reason)
	return nil
}

// publish waits for the edition that has both approved servers.
func (d *demo) publish(ctx context.Context) error {
	list, err := d.waitForEntries(ctx, 2)
	if err != nil {
		return err
	}
	d.say("publish", "server.list version %d: %s, signed by the list key", list.Version, plural(list.Entries, "entry"))
	return d.keepStatic()
}

func (d *demo) mirrorOnce(ctx context.Context) error {
	for _, m := range d.mirrors {
		line, err := m.once(ctx)
		if err != nil {
			return err
		}
		d.say("mirror", "%s", line)
	}
	return nil
}

func (d *demo) showLive(ctx context.Context) error {
	return d.showAs(ctx, serverlist.SourceLive, "root and mirrors up")
}

func (d *demo) showRootStopped(ctx context.Context) error {
	if err := d.stopRoot(); err != nil {
		return err
	}
	return d.showAs(ctx, serverlist.SourceLive, "root stopped, mirrors up")
}

// showAs refreshes with the cache and expects a list from the source.
func (d *demo) showAs(ctx context.Context, want serverlist.Source, situation string) error {
	result, err := d.refresh(ctx, d.staticDir(), d.cacheDir())
	if err != nil {
		return err
	}
	if result.Source != want {
		return fmt.Errorf("the list is %s, expected %s; %v", result.Source, want, result.Attempts)
	}
	d.say(string(result.Source), "%s: %s from %s", situation, describe(result), result.From)
	return nil
}

// showTampered changes one byte of one mirror. A client that meets it refuses
// it and uses the other. Which one a client asks first is random, so new
// clients, which hold no server list yet, try until one has met the bad one.
func (d *demo) showTampered(ctx context.Context) error {
	bad, good := d.mirrors[0], d.mirrors[1]
	if err := bad.tamper(); err != nil {
		return err
	}
	for range 64 {
		result, err := d.refresh(ctx, d.mirrorsOnlyDir(), "")
		if err != nil {
			return err
		}
		if !strings.HasPrefix(result.From, good.url) {
			return fmt.Errorf("the list is from %s, expected %s", result.From, good.url)
		}
		if reason, ok := refusalOf(result, bad.url); ok {
			d.say("tampered", "one byte of %s changed: refused: %s", bad.name, reason)
			d.say(string(result.Source), "the good mirror is used: %s from %s", describe(result), result.From)
			return nil
		}
	}
	return errors.New("no client asked the tampered mirror")
}

func refusalOf(r serverlist.Result, url string) (string, bool) {
	for _, a := range r.Attempts {
		if a.Outcome == serverlist.OutcomeRefused && strings.HasPrefix(a.URL, url) {
			return a.Detail, true
		}
	}
	return "", false
}

func (d *demo) showCached(ctx context.Context) error {
	for _, m := range d.mirrors {
		if err := m.stop(); err != nil {
			return err
		}
	}
	return d.showAs(ctx, serverlist.SourceCached, "everything down")
}

func (d *demo) showStatic(ctx context.Context) error {
	if err := os.RemoveAll(d.cacheDir()); err != nil {
		return err
	}
	return d.showAs(ctx, serverlist.SourceStatic, "everything down, cache deleted")
}

func describe(r serverlist.Result) string {
	var names []string
	for _, s := range r.List.Servers {
		names = append(names, s.Name)
	}
	return fmt.Sprintf("%s, %s (%s)", plural(len(names), "server"), r.Freshness, strings.Join(names, ", "))
}

// stayUp starts everything again and tells how to use it.
func (d *demo) stayUp(ctx context.Context) error {
	if err := d.serveRoot(ctx); err != nil {
		return err
	}
	for _, m := range d.mirrors {
		if err := m.serve(); err != nil {
			return err
		}
		line, err := m.once(ctx)
		if err != nil {
			return err
		}
		d.say("again", "%s", line)
	}
	d.printHelp()
	return d.runMirrors(ctx)
}

func (d *demo) printHelp() {
	program := filepath.Base(os.Args[0])
	if strings.HasPrefix(filepath.Dir(os.Args[0]), os.TempDir()) { // started by "go run"
		program = "go run ./cmd/metaserver"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "\nEverything is up again. Ctrl-C ends it and removes %s.\n\n", d.dir)
	fmt.Fprintf(&b, "  public list    %sserver.list\n", d.rootURL)
	for _, m := range d.mirrors {
		fmt.Fprintf(&b, "  mirror %-7s %sserver.list   (looks for news every %s)\n", m.name, m.url, mirrorEvery)
	}
	fmt.Fprintf(&b, "  admin API      %s\n  admin token    %s\n\nTry, in another terminal:\n", d.adminURL, d.tokenFile())
	fmt.Fprintf(&b, "  %s list --trust %s --root %s\n", program, d.trustFile(), d.rootURL)
	fmt.Fprintf(&b, "  %s register --root %s --name Mine --address play.example.org:13327 --game crossfire --email me@example.org --description 'My server'\n", program, d.rootURL)
	fmt.Fprintf(&b, "  %s admin --root %s --token-file %s pending\n", program, d.adminURL, d.tokenFile())
	fmt.Fprintf(&b, "  %s admin --root %s --token-file %s approve ID\n", program, d.adminURL, d.tokenFile())
	fmt.Fprintf(&b, "  %s verify %s --trust %s\n\n", program, filepath.Join(d.mirrors[0].dir, "server.list"), d.trustFile())
	d.out.Write(b.Bytes())
}

// mirrorEvery is how often the mirrors of a running demo look for news.
const mirrorEvery = 10 * time.Second
