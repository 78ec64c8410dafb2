package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

var durabilityTests = map[string]func(*testing.T, *world){
	"Reopen":    reopen,
	"Closed":    closed,
	"Killed":    killed,
	"Decisions": everyDecision,
}

func reopen(t *testing.T, w *world) {
	token := store.NewToken()
	r := w.register(opening(token))
	w.fill(3)
	entry := w.approve("r2").Server.ID
	if err := w.PublishEdition(t.Context(), 0, edition(servers, 1)); err != nil {
		t.Fatal(err)
	}
	before := w.counts()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Store = w.another()
	if after := w.counts(); after != before {
		t.Errorf("counts %+v became %+v", before, after)
	}
	if _, err := w.Status(t.Context(), r.ID, token); err != nil {
		t.Errorf("Status: %v", err)
	}
	wantIDs(t, "list", w.listed(), entry)
	if e, err := w.NewestEdition(t.Context(), servers); err != nil || e.Version != 1 {
		t.Errorf("newest edition %+v, %v", e, err)
	}
	if again := w.register(distinct(50)); again.ID != "r5" {
		t.Errorf("the next id is %s, want r5", again.ID)
	}
}

func closed(t *testing.T, w *world) {
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Register(t.Context(), request(), unlimited); err == nil {
		t.Error("a closed store took a registration")
	}
	if _, err := w.Counts(t.Context()); err == nil {
		t.Error("a closed store answered")
	}
}

// childDir is the environment variable that makes a copy of the test program
// write until it is killed, and that names the store.
const childDir = "STORETEST_CHILD_DIR"

// Child must be called first thing in TestMain. It returns at once, unless the
// suite has started this program to kill it.
func Child(open Opener) {
	dir := os.Getenv(childDir)
	if dir == "" {
		return
	}
	fmt.Fprintln(os.Stderr, writeForEver(open, dir))
	os.Exit(1)
}

// writeForEver writes as fast as it can, from several goroutines, and prints
// what was acknowledged.
func writeForEver(open Opener, dir string) error {
	s, err := open(dir, nil)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for worker := range 8 {
		go func() {
			for i := 0; ; i++ {
				if err := writeOnce(s, fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, i)); err != nil {
					failed <- err
				}
			}
		}()
	}
	for worker := range 3 {
		go func() { failed <- decideForEver(s, worker) }()
	}
	go func() { failed <- publishForEver(s) }()
	return <-failed
}

// writeOnce registers a server and approves every third. A printed line is a
// promise.
func writeOnce(s store.Store, unique string) error {
	ctx := context.Background()
	token := store.NewToken()
	r, err := s.Register(ctx, request(named(unique), at("h"+unique+".example.net:1"), keyed(keyOne), opening(token)), unlimited)
	if err != nil {
		return err
	}
	fmt.Println("registered", r.ID)
	if r.ID[len(r.ID)-1]%3 != 0 {
		return nil
	}
	e, err := s.Approve(ctx, store.Approval{Registration: r.ID, Admin: "child"})
	if err != nil {
		return err
	}
	fmt.Println("approved", e.Server.ID)
	return ownOnce(s, r.ID, token, e)
}

func publishForEver(s store.Store) error {
	newest, err := s.NewestEdition(context.Background(), servers)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	for version := newest.Version; ; version++ {
		if err := s.PublishEdition(context.Background(), version, edition(servers, version+1)); err != nil {
			return err
		}
		fmt.Println("published", version+1)
	}
}

// killed starts a writer, kills it without warning, and looks for everything
// that it had been promised; three times on one store.
func killed(t *testing.T, w *world) {
	promised := map[string][]string{}
	for range 3 {
		runAndKill(t, w.dir, 150, promised)
		w.check(promised)
	}
}

// runAndKill kills the child after some promises and adds all that it printed.
func runAndKill(t *testing.T, dir string, promises int, promised map[string][]string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	kill := func() { cmd.Process.Kill() }
	defer cmd.Wait()
	defer once.Do(kill)
	lines := bufio.NewReader(out)
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		if err != nil { // the last line may be cut off: no promise
			break
		}
		kind, id, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		promised[kind] = append(promised[kind], id)
		if n == promises {
			once.Do(kill)
		}
	}
	if total := len(promised["registered"]); total == 0 {
		t.Fatal("the child promised nothing")
	}
}

// check looks for every promise, and that the counters agree with the rows.
func (w *world) check(promised map[string][]string) {
	t := w.t
	t.Helper()
	for _, id := range promised["registered"] {
		w.review(id)
	}
	for _, id := range promised["approved"] {
		if _, err := w.Entry(t.Context(), id); err != nil {
			t.Errorf("entry %s: %v", id, err)
		}
	}
	w.checkOwned(promised)
	w.checkDecided(promised)
	newest, err := w.NewestEdition(t.Context(), servers)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	for _, version := range promised["published"] {
		if v, err := strconv.ParseInt(version, 10, 64); err != nil || v > newest.Version {
			t.Errorf("edition %s was published, the newest is %d (%v)", version, newest.Version, err)
		}
	}
	c := w.counts()
	if c.Pending != len(w.pending()) || c.Listed != len(w.listed()) {
		t.Errorf("counts %+v, but %d pending and %d listed", c, len(w.pending()), len(w.listed()))
	}
	w.register(named(time.Now().String())) // and it goes on
}
