package root_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
)

// acknowledged is what a root has said is done, by whatever was killed since.
type acknowledged struct {
	mu      sync.Mutex
	n       int               // requests so far
	states  map[string]string // by status path
	version int64             // of the newest list seen
	kill    func()            // once, after some more answers
	left    int
}

// answered notes an answer, and kills the root at the moment that was drawn.
func (a *acknowledged) answered(path, state string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.states[path] = state
	if a.left--; a.left == 0 {
		go a.kill()
	}
}

func (a *acknowledged) next() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n++
	return a.n
}

// work registers and approves until the root does not answer any more.
func (a *acknowledged) work(w *world) {
	c := w.client()
	for {
		n := a.next()
		body, _ := json.Marshal(request(n))
		resp, err := w.http.Post(w.public+"/api/v1/registrations", "application/json", strings.NewReader(string(body)))
		if err != nil {
			return
		}
		data, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		var got api.Accepted
		if err != nil || resp.StatusCode != http.StatusAccepted || json.Unmarshal(data, &got) != nil {
			return // cut off: nothing was acknowledged
		}
		a.answered(got.StatusURL, "pending")
		if n%2 == 0 {
			continue
		}
		if _, err := c.Approve(w.t.Context(), got.ID, api.Approval{}); err != nil {
			a.mu.Lock()
			a.states[got.StatusURL] = "pending or approved" // nobody knows
			a.mu.Unlock()
			return
		}
		a.answered(got.StatusURL, "approved")
	}
}

// TestKilledAtAnyMoment kills a root again and again, at a moment that is drawn,
// while requests and decisions come from several sides. What was answered is true
// afterwards, and the list is served at once and never goes back.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	rounds := 3
	if publishtest.Sweep() {
		rounds = 60
	}
	dir := newData(t)
	a := &acknowledged{states: make(map[string]string)}
	for round := range rounds {
		w := startChild(t, dir)
		a.check(t, w, fmt.Sprintf("round %d", round))
		a.left, a.kill = 1+rand.IntN(40), sync.OnceFunc(w.stop)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { a.work(w) })
		}
		all.Wait()
		a.kill() // has happened, and is waited for
		if a.left > 0 {
			t.Fatalf("round %d: the root ended by itself", round)
		}
	}
	w := startChild(t, dir)
	a.check(t, w, "at the end")
	if len(a.states) < rounds {
		t.Errorf("%d answers in %d rounds say little", len(a.states), rounds)
	}
}

// check compares a root that was started again with what was acknowledged.
func (a *acknowledged) check(t *testing.T, w *world, when string) {
	t.Helper()
	list := w.open("/server.list", serverlist.TypeServerList)
	if list.Head.Version < a.version {
		t.Errorf("%s: version %d is served, %d was before", when, list.Head.Version, a.version)
	}
	a.version = list.Head.Version
	for path, want := range a.states {
		s := decode[api.Status](t, w.get(path), 200)
		if !strings.Contains(want, s.Status) {
			t.Errorf("%s: %s is %s, was %s", when, s.ID, s.Status, want)
		}
	}
}
