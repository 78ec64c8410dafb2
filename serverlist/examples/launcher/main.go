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
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

const (
	firstWait = 3 * time.Second  // for news, before the player is asked
	giveUp    = 30 * time.Second // looking for news
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

// A launcher is one session with a player.
type launcher struct {
	client *serverlist.Client
	cache  string // its folder
	in     io.Reader
	out    io.Writer
	shown  serverlist.Result // what the player's numbers mean
	warned bool              // that nothing can be kept
}

// An answer is what came of looking for news.
type answer struct {
	result serverlist.Result
	err    error
}

// choose shows lists until the player chooses a server; nil: the player
// leaves. Looking for news goes on beside, and never changes the numbers under
// the player's fingers.
func (l *launcher) choose(ctx context.Context) (*serverlist.Server, error) {
	news := l.lookForNews(ctx)
	select {
	case a := <-news:
		if a.err != nil {
			return nil, a.err // nothing live, cached or shipped; it says what was tried
		}
		l.show(a.result, false)
	case <-time.After(firstWait):
		l.showHeld()
	case <-ctx.Done():
		return nil, nil
	}
	for line := l.readLine(); ; {
		select {
		case a := <-news:
			l.announce(a)
			continue
		case typed, ok := <-line:
			switch typed = strings.TrimSpace(typed); {
			case !ok || typed == "q":
				return nil, nil
			case typed == "r":
				l.showHeld()
				news = l.lookForNews(ctx)
			default:
				if server := l.number(typed); server != nil {
					return server, nil
				}
			}
		case <-ctx.Done():
			return nil, nil
		}
		line = l.readLine()
	}
}

// readLine reads one line beside the program; the channel is closed at the end
// of input. Nothing is read ahead: what follows belongs to the game.
func (l *launcher) readLine() <-chan string {
	line := make(chan string, 1)
	go func() {
		defer close(line)
		if text, err := readUnbuffered(l.in); err == nil || text != "" {
			line <- text
		}
	}()
	return line
}

// maxTyped bounds a line of input, in bytes; the rest of a longer one is lost.
const maxTyped = 1 << 10

// readUnbuffered reads up to the end of a line byte by byte: a buffer would
// take what follows from the game.
func readUnbuffered(in io.Reader) (string, error) {
	var line []byte
	one := make([]byte, 1)
	for {
		n, err := in.Read(one)
		if n > 0 && one[0] == '\n' {
			return string(line), nil
		}
		if n > 0 && len(line) < maxTyped {
			line = append(line, one[0])
		}
		if err != nil {
			return string(line), err
		}
	}
}

// lookForNews refreshes beside the player.
func (l *launcher) lookForNews(ctx context.Context) <-chan answer {
	news := make(chan answer, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, giveUp)
		defer cancel()
		r, err := l.client.Refresh(ctx)
		news <- answer{r, err}
	}()
	return news
}

// showHeld shows what there is while news are looked for.
func (l *launcher) showHeld() {
	if held, err := l.client.Cached(); err == nil {
		l.show(held, true)
	} else {
		fmt.Fprintln(l.out, "Looking for servers ...")
	}
}

// announce tells of news that come while the player chooses.
func (l *launcher) announce(a answer) {
	l.warn(a.result)
	switch {
	case a.err != nil:
		fmt.Fprintln(l.out, a.err)
	case l.shown.List == nil:
		l.show(a.result, false)
	case !a.result.List.Same(l.shown.List):
		fmt.Fprintln(l.out, "There is a newer list; r shows it.")
	case a.result.Source == serverlist.SourceLive:
		fmt.Fprintln(l.out, "This list is up to date.")
	default:
		fmt.Fprintln(l.out, "Nobody could be reached; this list stays.")
	}
}

// number returns the server that the player means.
func (l *launcher) number(line string) *serverlist.Server {
	if l.shown.List == nil {
		fmt.Fprintln(l.out, "There is no list yet.")
		return nil
	}
	servers := l.shown.List.Servers
	if len(servers) == 0 {
		fmt.Fprintln(l.out, "There is no server to choose yet. Type r to look again, or q to leave.")
		return nil
	}
	n, err := strconv.Atoi(line)
	if err != nil || n < 1 || n > len(servers) {
		fmt.Fprintf(l.out, "Type a number (%s), r to look again, or q to leave.\n", numbers(len(servers)))
		return nil
	}
	return &servers[n-1]
}

// show prints a list with numbers. Names are safe to print: the format allows
// no control characters in them.
func (l *launcher) show(r serverlist.Result, looking bool) {
	l.shown = r
	fmt.Fprintf(l.out, "\n%s of %s. %s\n", count(len(r.List.Servers)), r.List.Head.Origin, about(r, looking))
	for i, s := range r.List.Servers {
		fmt.Fprintf(l.out, "%4d  %-30s  %s\n", i+1, s.Name, s.Addresses[0])
	}
	l.warn(r)
	if n := len(r.List.Servers); n > 0 {
		fmt.Fprintf(l.out, "Which server? (%s, r to look again, q to leave)\n", numbers(n))
	} else {
		fmt.Fprintln(l.out, "There is no server to choose yet. (r to look again, q to leave)")
	}
}

// warn says, once, that the cache does not work. Nothing else is lost by that.
func (l *launcher) warn(r serverlist.Result) {
	for _, a := range r.Attempts {
		if l.warned || a.Outcome != serverlist.OutcomeFailed || !strings.HasPrefix(a.URL, filepath.Clean(l.cache)) {
			continue
		}
		fmt.Fprintf(l.out, "Lists cannot be kept for the next start (%s): %s.\n", a.URL, a.Detail)
		l.warned = true
	}
}

// numbers are what a player may type for a server.
func numbers(n int) string {
	if n == 1 {
		return "1"
	}
	return fmt.Sprintf("1-%d", n)
}

func count(n int) string {
	if n == 1 {
		return "1 server"
	}
	return fmt.Sprintf("%d servers", n)
}

// about says in plain words where a list is from and how old it is.
func about(r serverlist.Result, looking bool) string {
	from := "Just confirmed by " + r.From
	if r.Source != serverlist.SourceLive {
		from = "Nobody could be reached, so this is"
		if looking {
			from = "Still looking for news; until then this is"
		}
		from += map[serverlist.Source]string{
			serverlist.SourceCached: " the list of last time",
			serverlist.SourceStatic: " the list that came with the program",
		}[r.Source]
	}
	words := fmt.Sprintf("%s, %s old.", from, age(r.Age))
	switch r.Freshness {
	case serverlist.Stale:
		words += " It should be newer by now; some servers may have moved."
	case serverlist.Old:
		words += " IT IS OLD: many servers may have moved or gone."
	}
	if r.ClockSuspect {
		words += " It is dated in the future: is the clock of this computer right?"
	}
	return words
}

// age rounds to what people say.
func age(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / unit.length); n == 1 {
			return "1 " + unit.name
		} else if n > 1 {
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return "less than a minute"
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
