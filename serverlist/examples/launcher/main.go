// Launcher shows the servers of a game in a terminal and starts the game with
// the one the player chooses. It is a small complete program that embeds
// package serverlist: it verifies every list, works offline, and says in plain
// words where its list is from and how old that is.
//
//	launcher -bundle DIR -root URL [-cache DIR] -- GAME --connect {host} --port {port}
//
// DIR is what "metaserver bundle" writes. A launcher that is released carries
// it inside:
//
//	//go:embed bundle
//	var files embed.FS
//	...
//	bundle, err := fs.Sub(files, "bundle")
//
// Of this file newClient and play are for every launcher; about, in words.go,
// is what to say beside a list. The session with a player, in session.go, is
// that of a terminal; a window has [serverlist.Client.Run] instead.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "launcher:", err)
	}
	os.Exit(status)
}

// run returns the exit status: that of the game, 128 and its number if a signal
// ended the game, 0 if the player leaves or asks for help, 1 on failure, 2 on
// wrong usage.
func run(ctx context.Context, args []string) (int, error) {
	flags := flag.NewFlagSet("launcher", flag.ContinueOnError)
	bundle := flags.String("bundle", "", "folder that \"metaserver bundle\" wrote")
	root := flags.String("root", "", "URL of the root")
	cache := flags.String("cache", "", "folder to keep verified lists in (default below the user's cache folder)")
	switch err := flags.Parse(args); { // the flag package tells
	case errors.Is(err, flag.ErrHelp):
		return 0, nil
	case err != nil:
		return 2, nil
	}
	if *bundle == "" || *root == "" || flags.NArg() == 0 {
		return 2, errors.New("-bundle, -root and, after --, the command of the game are needed:\n" +
			"  launcher -bundle DIR -root URL -- GAME --connect {host} --port {port}")
	}
	if err := defaultCache(cache); err != nil {
		return 1, err
	}
	client, err := newClient(os.DirFS(*bundle), *root, *cache)
	if err != nil {
		return 1, err
	}
	l := &launcher{client: client, cache: *cache, in: os.Stdin, out: os.Stdout}
	server, err := l.choose(ctx)
	if server == nil || err != nil {
		return statusOf(err), err
	}
	return play(server, flags.Args())
}

// defaultCache fills in the folder that the user did not name.
func defaultCache(cache *string) error {
	if *cache != "" {
		return nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	*cache = filepath.Join(dir, "example-launcher")
	return nil
}

// newClient embeds the client: all that a launcher needs to know of it.
func newClient(bundle fs.FS, root, cache string) (*serverlist.Client, error) {
	return serverlist.New(serverlist.Config{
		Static: bundle, // begins with the trust document in it
		Root:   []string{root},
		Cache:  serverlist.DirCache(cache),
	})
}

// play runs the game with the server's first address, without a shell: what a
// list says is an argument and never a command. A host cannot begin with "-",
// so it cannot become an option either.
func play(server *serverlist.Server, command []string) (int, error) {
	host, port, err := net.SplitHostPort(server.Addresses[0])
	if err != nil {
		return 1, err // never: the list's reader has checked it
	}
	fill := strings.NewReplacer("{host}", host, "{port}", port)
	args := make([]string, len(command))
	for i, arg := range command {
		args[i] = fill.Replace(arg)
	}
	fmt.Printf("Starting %s for %s.\n", args[0], server.Name)
	game := exec.Command(args[0], args[1:]...)
	game.Stdin, game.Stdout, game.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = game.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return gameStatus(exit), nil
	}
	return statusOf(err), err
}

func statusOf(err error) int {
	if err != nil {
		return 1
	}
	return 0
}
