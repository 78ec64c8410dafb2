package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// scriptLauncher is a launcher that was away: pinned at the first trust
// document, with a copy of an old cache. It must show the server cat2, from
// where the script says; and if that says a number, it must have walked to the
// trust document of this number.
func scriptLauncher(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: launcher CACHE SOURCE [TRUST-NUMBER]")
	}
	number := ""
	if len(args) == 3 {
		number = args[2]
	}
	launch(ts, args[0], args[1], number)
}

// launch runs the program as a launcher, and returns the cache as it leaves it.
func launch(ts *testscript.TestScript, old, source, number string) (cache string) {
	cache = copyOf(ts, old)
	ts.Check(ts.Exec("metaserver", "list", "--trust", "pinned.trust", "--root", "http://"+ts.Getenv("PUBLIC"), "--cache", cache, "--json"))
	var l listOutput
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &l))
	if l.Source != source {
		ts.Fatalf("the launcher shows a list that is %s, want %s", l.Source, source)
	}
	if len(l.Servers) != 1 || l.Servers[0]["id"] != "cat2" {
		ts.Fatalf("the launcher shows %v, want cat2", l.Servers)
	}
	if number != "" && number != "1" { // which is pinned
		name := filepath.Join("trust", number+".trust")
		if ts.ReadFile(filepath.Join(cache, name)) != ts.ReadFile(filepath.Join("D", "public", name)) {
			ts.Fatalf("the launcher holds another trust document %s", number)
		}
	}
	return cache
}

func copyOf(ts *testscript.TestScript, folder string) string {
	dir, err := os.MkdirTemp(ts.MkAbs("."), "launcher-")
	ts.Check(err)
	ts.Check(os.CopyFS(dir, os.DirFS(ts.MkAbs(folder))))
	return dir
}

// scriptLaunchers starts launchers of every kind at one step of a ceremony,
// while root and mirror run. Each is pinned at the first trust document, must
// show the server cat2, and must not fall back behind what it holds:
//
//   - with the old cache and everything up: live, and at the trust document NUMBER;
//   - with the old cache and with that which the first one leaves: without any
//     network, and with the mirror alone, which may lag behind;
//   - without a cache, with the lists of before as static ones: without any
//     network, with the mirror alone, with everything up.
//
// A mirror that is "hostile" is left out: alone it shows what it likes.
func scriptLaunchers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 || len(args) == 2 && args[1] != "hostile" {
		ts.Fatalf("usage: launchers TRUST-NUMBER [hostile]")
	}
	walked := launch(ts, "old", "live", args[0])
	root, mirror := ts.Getenv("PUBLIC"), ts.Getenv("MIRROR")
	worlds := map[string]onlyHosts{"everything is up": {root, mirror}, "the mirror alone is up": {mirror}, "there is no network": nil}
	if len(args) == 2 {
		delete(worlds, "the mirror alone is up")
	}
	var all errgroup.Group
	for world, hosts := range worlds {
		for cache, static := range map[string]string{ts.MkAbs("old"): "", walked: "", "": "shipped"} {
			l, err := newLauncher(ts, hosts, cache, static)
			ts.Check(err)
			all.Go(func() error {
				if err := showsCat2(l); err != nil {
					return fmt.Errorf("when %s, a launcher with the cache %q and the static lists %q: %w", world, cache, static, err)
				}
				return nil
			})
		}
	}
	ts.Check(all.Wait())
}

func newLauncher(ts *testscript.TestScript, up onlyHosts, cache, static string) (*serverlist.Client, error) {
	cfg := serverlist.Config{
		Trust: []byte(ts.ReadFile("pinned.trust")), Root: []string{"http://" + ts.Getenv("PUBLIC")},
		HTTP: &http.Client{Transport: up}, AllowPrivate: true,
	}
	if cache != "" {
		cfg.Cache = serverlist.DirCache(copyOf(ts, cache))
	}
	if static != "" {
		cfg.Static = os.DirFS(ts.MkAbs(static))
	}
	return serverlist.New(cfg)
}

// showsCat2 tells why a launcher, at its start or after a refresh, does not show
// what it should.
func showsCat2(client *serverlist.Client) error {
	held, err := client.Cached()
	if err != nil {
		return fmt.Errorf("at the start: %w", err)
	}
	shown, err := client.Refresh(context.Background())
	if err != nil {
		return err
	}
	was, is := held.List.Head, shown.List.Head
	if is.Epoch < was.Epoch || is.Epoch == was.Epoch && is.Version < was.Version {
		return fmt.Errorf("it shows version %d of epoch %d, and held %d of %d", is.Version, is.Epoch, was.Version, was.Epoch)
	}
	for _, r := range []serverlist.Result{held, shown} {
		if len(r.List.Servers) != 1 || r.List.Servers[0].ID != "cat2" {
			return fmt.Errorf("it shows %v", r.List.Servers)
		}
	}
	return nil
}

// onlyHosts is a network in which nothing but these hosts answers.
type onlyHosts []string

func (up onlyHosts) RoundTrip(req *http.Request) (*http.Response, error) {
	if !slices.Contains(up, req.URL.Host) {
		return nil, fmt.Errorf("dial %s: %w", req.URL.Host, syscall.ECONNREFUSED)
	}
	t := &http.Transport{DisableKeepAlives: true}
	return t.RoundTrip(req)
}
