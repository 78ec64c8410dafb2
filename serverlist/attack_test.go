package serverlist_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// An attack is one row of the table of attacks. Names are those of the TUF
// specification where it has one.
type attack struct {
	name  string
	tried string
	play  func(s *stage) // does it, and ends with a look at what the client shows
	shows string         // "SOURCE, FRESHNESS: ids", or the error
	says  string         // part of the attempt, skipped entry or error that tells of it; " ... " stands for anything
}

// TestAttacks plays every attack on a real client over real sockets. With -v
// it prints the table: attack, what was tried, what the client showed and what
// it told.
func TestAttacks(t *testing.T) {
	t.Parallel()
	attacks := append(attackTable(), failuresOfOthers()...)
	told := make([]string, len(attacks))
	t.Run("table", func(t *testing.T) {
		for i, a := range attacks {
			t.Run(a.name+"/"+a.tried, func(t *testing.T) {
				t.Parallel()
				s := newStage(t)
				a.play(s)
				if s.shown != a.shows {
					t.Errorf("shows %q, want %q\n%s", s.shown, a.shows, strings.Join(s.told, "\n"))
				}
				told[i] = s.tells(a.says)
			})
		}
	})
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ATTACK\tTRIED\tSHOWN\tTOLD")
	for i, a := range attacks {
		fmt.Fprintf(w, "%s\t%s\t%s\t%.100s\n", a.name, a.tried, a.shows, told[i])
	}
	w.Flush()
	t.Log("\n" + b.String())
}

// A stage is a root and a mirror "a" on loopback, and a player who has nothing
// yet. Two editions are published; the newest has one server, "good".
type stage struct {
	*serverlisttest.Root
	t      *testing.T
	site   map[string]*serverlisttest.Site
	server map[string]*httptest.Server
	cache  string // folder
	cfg    serverlist.Config

	last  serverlist.Result
	shown string   // at the last look
	told  []string // at all looks
}

func newStage(t *testing.T) *stage {
	s := &stage{
		Root: newRoot(), t: t, site: make(map[string]*serverlisttest.Site), server: make(map[string]*httptest.Server),
		cache: filepath.Join(t.TempDir(), "cache"),
	}
	s.Publish(serverlisttest.Servers("past"))
	s.Publish(serverlisttest.Servers("good"))
	s.open("root")
	s.mirrors("a")
	s.cfg = serverlist.Config{
		Trust: s.Pinned(), Root: []string{s.server["root"].URL}, Cache: serverlist.DirCache(s.cache), Now: s.Clock.Now,
		// Pauses are long, so that a busy machine does not make a source lose
		// that is to be judged; attacks that need them short say so.
		Tuning: serverlist.Tuning{HedgeEmpty: 5 * time.Second, HedgeHeld: 5 * time.Second, Stall: time.Second},
	}
	return s
}

// open starts a site of the root.
func (s *stage) open(name string) *serverlisttest.Site {
	s.site[name] = s.Site(serverlisttest.Honest)
	s.server[name] = s.site[name].Start(s.t)
	return s.site[name]
}

// mirrors opens what is not open yet and publishes a list of these mirrors.
func (s *stage) mirrors(names ...string) {
	var all []string
	for _, name := range names {
		if s.site[name] == nil {
			s.open(name)
		}
		all = append(all, s.server[name].URL)
	}
	s.Publish(serverlisttest.Mirrors(all...))
}

// publish publishes the next edition, a minute later.
func (s *stage) publish(ids ...string) []byte {
	s.Clock.Advance(time.Minute)
	return s.Publish(serverlisttest.Servers(ids...))
}

// goDown ends all servers.
func (s *stage) goDown() {
	for _, server := range s.server {
		server.Close()
		testenv.StayClosed(s.t, server.Listener.Addr().String())
	}
}

// write puts a file into the player's cache behind the program's back.
func (s *stage) write(name string, data []byte) {
	s.t.Helper()
	path := filepath.Join(s.cache, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
		s.t.Fatal(err)
	}
}

// folderWithout is what a launcher ships with, without some names.
func (s *stage) folderWithout(names ...string) fs.FS {
	folder := s.Folder()
	for _, name := range names {
		delete(folder, name)
	}
	return folder
}

// look starts the player's program and refreshes once.
func (s *stage) look() {
	c, err := serverlist.New(s.cfg)
	if err != nil {
		s.shown = "does not start"
		s.told = append(s.told, err.Error())
		return
	}
	s.lookAs(c)
}

// lookAs refreshes once, in a program that has been running.
func (s *stage) lookAs(c *serverlist.Client) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute) // only a client without defence takes that long
	defer cancel()
	var err error
	s.last, err = c.Refresh(ctx)
	var none *serverlist.NoListError
	switch {
	case errors.As(err, &none):
		s.shown = "no list"
		s.tell(none.Attempts)
	case err != nil:
		s.t.Fatal(err)
	default:
		s.shown = fmt.Sprintf("%s, %s: %s", s.last.Source, s.last.Freshness, strings.Join(ids(s.last.List), " "))
		if s.last.ClockSuspect {
			s.shown += " (is the clock right?)"
		}
		for _, e := range s.last.List.Skipped {
			s.inPlainWords(e.Error())
			s.told = append(s.told, "skipped: "+e.Error())
		}
		s.tell(s.last.Attempts)
	}
}

// tell takes in what the client told, with names in the place of addresses and
// folders.
func (s *stage) tell(attempts []serverlist.Attempt) {
	for _, a := range attempts {
		s.inPlainWords(a.Detail)
		line := strings.ReplaceAll(a.String(), s.cache, "cache")
		for name, server := range s.server {
			line = strings.ReplaceAll(line, server.URL, "http://"+name)
		}
		s.told = append(s.told, line)
	}
}

// inPlainWords makes sure that what is told neither controls the terminal that
// it is printed on, nor fills it.
func (s *stage) inPlainWords(text string) {
	s.t.Helper()
	if err := serverlist.CheckText(text, 1000); err != nil {
		s.t.Errorf("%.200q: %v", text, err)
	}
}

// expect looks, in the middle of an attack.
func (s *stage) expect(shown string) {
	s.t.Helper()
	s.look()
	if s.shown != shown {
		s.t.Errorf("on the way shows %q, want %q\n%s", s.shown, shown, strings.Join(s.told, "\n"))
	}
}

// tells returns the first line that was told and contains the parts in order.
func (s *stage) tells(parts string) string {
	s.t.Helper()
	for _, line := range s.told {
		rest, found := filepath.ToSlash(line), true
		for part := range strings.SplitSeq(parts, " ... ") {
			if found {
				_, rest, found = strings.Cut(rest, part)
			}
		}
		if found {
			return line
		}
	}
	s.t.Errorf("nothing tells %q:\n%s", parts, strings.Join(s.told, "\n"))
	return ""
}

// thief is who holds a key: signs what the root would not.
func (s *stage) thief(d serverlist.Draft, signers ...string) []byte {
	var all []*keys.Signer
	for _, name := range signers {
		all = append(all, s.Signer(name))
	}
	return s.Sign(d, all...)
}

// stranger is a root of the same origin with other keys of the same names.
func (s *stage) stranger() *serverlisttest.Root {
	other := serverlisttest.NewRoot(serverlisttest.Options{Seed: "stranger"})
	other.Clock.Set(s.Clock.Now().Add(time.Minute))
	return other
}

// faulty is the plainest attack: the only mirror has a fault, while the root
// has not.
func faulty(f serverlisttest.Fault) func(*stage) {
	return func(s *stage) {
		s.site["a"].SetFault(f)
		s.look()
	}
}

// shippedWith is what a launcher ships with, with other content of one name.
func (s *stage) shippedWith(name string, data []byte) fs.FS {
	folder := s.Folder()
	folder[name] = file(data)
	return folder
}
