package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"launcher": main, "game": game})
}

// game is what the launcher starts: it says its arguments.
func game() {
	for i, arg := range os.Args[1:] {
		fmt.Printf("argument %d: %s\n", i+1, arg)
	}
	switch os.Args[1] {
	case "lost":
		os.Exit(3)
	case "reads":
		io.Copy(os.Stdout, os.Stdin)
	}
}

// What follows the line that is read stays for the game, whatever its length.
func TestReadUnbuffered(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxTyped+1)
	in := strings.NewReader("1\n" + long + "\n\r\nlast")
	for _, want := range []string{"1", long[1:], "\r"} {
		if got, err := readUnbuffered(in); got != want || err != nil {
			t.Errorf("readUnbuffered = %q, %v; want %q", got, err, want)
		}
	}
	if in.Len() != len("last") {
		t.Errorf("%d bytes are left", in.Len())
	}
	if got, err := readUnbuffered(in); got != "last" || err != io.EOF {
		t.Errorf("readUnbuffered = %q, %v at the end", got, err)
	}
}

// TestScripts runs the real program through the scripts in testdata. Each has
// a root and two mirrors on loopback, whose list has the servers cat2,
// metalforge and one with an IPv6 address, and the folder "bundle" as it was
// two days before, with cat2 alone. $ROOT is the root's URL. They have:
//
//	publish ID...           publish another list
//	fault NAME              give all hosts a fault, as "silent"; "" ends it
//	down                    end all hosts
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup:               func(e *testscript.Env) error { return setUp(t, e) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"publish": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Value("world").(*world).Publish(serverlisttest.Servers(args...))
			},
			"fault": func(ts *testscript.TestScript, _ bool, args []string) {
				for _, site := range ts.Value("world").(*world).sites {
					site.SetFault(serverlisttest.Fault(args[0]))
				}
			},
			"down": func(ts *testscript.TestScript, _ bool, _ []string) {
				for _, end := range ts.Value("world").(*world).end {
					end()
				}
			},
		},
	})
}

// A world is what one script has.
type world struct {
	*serverlisttest.Root
	sites []*serverlisttest.Site
	end   []func()
}

func setUp(t *testing.T, e *testscript.Env) error {
	w := &world{Root: serverlisttest.NewRoot(serverlisttest.Options{Now: time.Now().AddDate(0, 0, -2)})}
	e.Values["world"] = w
	w.Publish(serverlisttest.Servers("cat2"))
	var urls []string
	for range 3 {
		site := w.Site(serverlisttest.Honest)
		server := site.Start(t)
		w.sites, w.end, urls = append(w.sites, site), append(w.end, server.Close), append(urls, server.URL)
	}
	e.Setenv("ROOT", urls[0])
	w.Publish(serverlisttest.Mirrors(urls[1:]...))
	bundle := filepath.Join(e.WorkDir, "bundle")
	if err := os.CopyFS(bundle, w.Folder()); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(bundle, "pinned.trust"), w.Pinned(), 0o644); err != nil {
		return err
	}
	w.Clock.Set(time.Now().Add(-5 * time.Minute))
	w.Publish(serverlisttest.Servers("cat2", "metalforge"))
	return nil
}
