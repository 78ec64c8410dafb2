package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
// while root and mirror run: with the old cache; with that which a launcher leaves
// that has walked to the trust document NUMBER; and without a cache, with the lists
// of before as static ones. Each is pinned at the first trust document, must show
// the server cat2, must not fall back behind what it holds, and must walk to NUMBER
// where that can be had.
//
// A mirror that is "hostile" is not asked alone: it shows what it likes.
func scriptLaunchers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 || len(args) == 2 && args[1] != "hostile" {
		ts.Fatalf("usage: launchers TRUST-NUMBER [hostile]")
	}
	number, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	walked := launch(ts, "old", "live", args[0])
	var all errgroup.Group
	for _, w := range worldsOf(ts, len(args) == 2) {
		for cache, static := range map[string]string{ts.MkAbs("old"): "", walked: "", "": "shipped"} {
			l, err := newLauncher(ts, w.net, cache, static)
			ts.Check(err)
			all.Go(func() error {
				if err := showsCat2(l, number, w.walks); err != nil {
					return fmt.Errorf("when %s, a launcher with the cache %q and the static lists %q: %w", w.name, cache, static, err)
				}
				return nil
			})
		}
	}
	ts.Check(all.Wait())
}

// A world is what answers a launcher.
type world struct {
	name  string
	net   http.RoundTripper
	walks bool // the newest trust document can be had
}

func worldsOf(ts *testscript.TestScript, hostile bool) []world {
	root, mirror := ts.Getenv("PUBLIC"), ts.Getenv("MIRROR")
	torn := oldLists{mirror, http.NewFileTransportFS(os.DirFS(ts.MkAbs("D/public"))), http.NewFileTransportFS(os.DirFS(ts.MkAbs("shipped")))}
	worlds := []world{
		{"everything is up", onlyHosts{root, mirror}, true},
		{"there is no network", onlyHosts{}, false},
		{"a mirror has the new trust documents and the old lists", torn, true},
	}
	if !hostile {
		worlds = append(worlds, world{"the mirror alone is up, and may lag behind", onlyHosts{mirror}, false})
	}
	return worlds
}

func newLauncher(ts *testscript.TestScript, net http.RoundTripper, cache, static string) (*serverlist.Client, error) {
	cfg := serverlist.Config{
		Trust: []byte(ts.ReadFile("pinned.trust")), Root: []string{"http://" + ts.Getenv("PUBLIC")},
		HTTP: &http.Client{Transport: net}, AllowPrivate: true,
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
func showsCat2(client *serverlist.Client, number int64, walks bool) error {
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
	if got := shown.Trust.Newest().Version; walks && got != number {
		return fmt.Errorf("it has walked to trust document %d of %d", got, number)
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

// oldLists is a network in which one mirror answers alone, whose trust documents
// are the newest and whose lists are not: its job was stopped half way.
type oldLists struct {
	mirror      string
	trust, rest http.RoundTripper
}

func (n oldLists) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case req.URL.Host != n.mirror:
		return onlyHosts{}.RoundTrip(req)
	case strings.HasPrefix(req.URL.Path, "/trust/"):
		return n.trust.RoundTrip(req)
	}
	return n.rest.RoundTrip(req)
}
