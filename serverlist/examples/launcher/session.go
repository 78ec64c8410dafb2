package main

import (
	"context"
	"fmt"
	"io"
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
