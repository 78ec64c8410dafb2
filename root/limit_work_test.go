package root_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/proofofwork"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// newFlooded serves a root with a small queue that counts this machine, too.
func newFlooded(t *testing.T, mode string, queue int) (*world, *serverlisttest.Clock) {
	t.Helper()
	clock := serverlisttest.NewClock(time.Now().Truncate(time.Minute))
	return newWorld(t, func(c *config.Config) {
		c.LimitLoopback, c.PerSource, c.Queue, c.Limits.ProofOfWork = true, -1, queue, mode
		c.TrustedProxies = []string{"127.0.0.1"}
		c.Now = clock.Now
	}), clock
}

// puzzle checks that an answer poses a puzzle.
func (a answer) puzzle(t testing.TB) (api.Problem, proofofwork.Puzzle) {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal(a.body, &p); err != nil || a.status != 429 || p.Type != api.WorkType || p.Work == nil {
		t.Fatalf("status %d, %v: %s", a.status, err, a.body)
	}
	if always := !strings.Contains(p.Detail, "is flooded"); always == (a.header.Get("Retry-After") != "") || !strings.Contains(p.Detail, "does it by itself") {
		t.Errorf("Retry-After %q, %s", a.header.Get("Retry-After"), p.Detail)
	}
	return p, proofofwork.Puzzle{Origin: p.Work.Origin, Challenge: p.Work.Challenge, Bits: p.Work.Bits}
}

// solved returns the header with the proof for a request.
func solved(t testing.TB, p proofofwork.Puzzle, req any) string {
	t.Helper()
	body, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	value, err := proofofwork.Solve(t.Context(), p, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	return proofofwork.Header + ": " + value
}

// TestProofOfWork needs one with every registration.
func TestProofOfWork(t *testing.T) {
	t.Parallel()
	w, clock := newFlooded(t, limit.WorkAlways, 1000)
	before := w.snapshot()
	p, puzzle := w.post(request(1)).puzzle(t)
	if puzzle.Bits != 18 || puzzle.Origin != origin || !p.Work.Expires.Equal(clock.Now().Add(proofofwork.Lifetime)) {
		t.Errorf("%+v", p.Work)
	}
	proof := solved(t, puzzle, request(1))
	for name, a := range map[string]answer{
		"another request":  w.post(request(2), proof),
		"nonsense":         w.post(request(1), proofofwork.Header+": nonsense"),
		"from another one": w.post(request(1), proof[:len(proofofwork.Header)+2]+"A"+proof[len(proofofwork.Header)+3:]),
	} {
		if p, _ := a.puzzle(t); !strings.Contains(p.Detail, "not taken because") {
			t.Errorf("%s: %s", name, p.Detail)
		}
	}
	if w.snapshot() != before {
		t.Error("something changed")
	}
	// What is wrong with the request is said before any work is asked for, and
	// costs no proof.
	bad := request(1)
	bad.Email = ""
	w.post(bad).problem(t, 422)
	w.post(bad, proof).problem(t, 422)
	decode[api.Accepted](t, w.post(request(1), proof), 202)
	if p, _ := w.post(request(1), proof).puzzle(t); !strings.Contains(p.Detail, "used before") {
		t.Errorf("the same proof again: %s", p.Detail)
	}
	late := solved(t, puzzle, request(3))
	clock.Advance(proofofwork.Lifetime)
	if p, _ := w.post(request(3), late).puzzle(t); !strings.Contains(p.Detail, "expired") {
		t.Errorf("an old challenge: %s", p.Detail)
	}
	// An admin works for nobody.
	if _, err := w.client().RegisterByAdmin(t.Context(), request(4)); err != nil {
		t.Error(err)
	}
}

// TestProofOfWorkOfMirrors needs one with every registration of a mirror, too;
// none counts for both.
func TestProofOfWorkOfMirrors(t *testing.T) {
	t.Parallel()
	w, clock := newFlooded(t, limit.WorkAlways, 1000)
	before := w.snapshot()
	p, puzzle := w.postMirror(mirrorRequest()).puzzle(t)
	if puzzle.Bits != 18 || !strings.Contains(p.Detail, `"metaserver mirror register"`) {
		t.Errorf("%+v", p)
	}
	proof := solved(t, puzzle, mirrorRequest())
	bad := mirrorRequest(func(r *api.MirrorRequest) { r.URLs = nil })
	w.postMirror(bad, proof).problem(t, 422) // which costs no proof
	w.postMirror(mirrorRequest(func(r *api.MirrorRequest) { r.ID = "graz" }), proof).puzzle(t)
	if w.snapshot() != before {
		t.Error("something changed")
	}
	decode[api.Accepted](t, w.postMirror(mirrorRequest(), proof), 202)
	if p, _ := w.postMirror(mirrorRequest(), proof).puzzle(t); !strings.Contains(p.Detail, "used before") {
		t.Errorf("the same proof again: %s", p.Detail)
	}
	if _, err := w.client().RegisterMirrorByAdmin(t.Context(), mirrorRequest()); err != nil {
		t.Error(err)
	}
	clock.Advance(time.Second) // challenges of one second are the same
	told := 0
	c := &api.Client{Root: w.public, HTTP: w.http, Working: func(api.ProofOfWork, uint64) { told++ }}
	if accepted, err := c.RegisterMirror(t.Context(), mirrorRequest()); err != nil || accepted.ID != "m1" || told == 0 {
		t.Errorf("the client: %+v, %v, told %d times", accepted, err, told)
	}
}

// TestWorkOfMirrorsGrows fills the queue of mirrors: it is asked for work when it
// is half full, whatever waits in the one of servers, and none when it is full.
func TestWorkOfMirrorsGrows(t *testing.T) {
	t.Parallel()
	const queue = 4
	w, clock := newFlooded(t, limit.WorkFlood, queue)
	for n := range queue {
		if _, err := w.client().RegisterByAdmin(t.Context(), request(n)); err != nil {
			t.Fatal(err)
		}
	}
	for n, bits := range []int{0, 0, 20, 24, -1} {
		clock.Advance(time.Second)
		req := mirrorRequest(func(r *api.MirrorRequest) { r.ID = fmt.Sprint("mirror-", n) })
		a := w.postMirror(req)
		switch bits {
		case 0:
			decode[api.Accepted](t, a, 202)
		case -1:
			if p := a.problem(t, 429); p.Work != nil || !strings.Contains(p.Detail, "queue") {
				t.Errorf("the full queue: %+v", p)
			}
		default:
			if _, puzzle := a.puzzle(t); puzzle.Bits != bits {
				t.Errorf("with %d waiting: %d bits, want %d", n, puzzle.Bits, bits)
			}
			if _, err := w.client().RegisterMirrorByAdmin(t.Context(), req); err != nil { // fills it further
				t.Fatal(err)
			}
		}
	}
}

// TestClientWorks registers with the project's own client, and is told how far
// it is.
func TestClientWorks(t *testing.T) {
	t.Parallel()
	w, _ := newFlooded(t, limit.WorkAlways, 1000)
	told := 0
	c := &api.Client{Root: w.public, HTTP: w.http, Working: func(p api.ProofOfWork, tries uint64) {
		if told++; p.Bits != 18 {
			t.Errorf("%+v", p)
		}
	}}
	accepted, err := c.Register(t.Context(), request(1))
	if err != nil || accepted.Status != "pending" || told == 0 {
		t.Errorf("%+v, %v, told %d times", accepted, err, told)
	}
	c.Root = w.admin // no work is asked for there, so the problem comes through
	var p *api.Problem
	if _, err := c.Register(t.Context(), request(1)); !errors.As(err, &p) || p.Work != nil {
		t.Errorf("%v", err)
	}
}

// TestWorkGrowsWithTheQueue fills a queue: from half of it on each registration
// needs work, the more the fuller it is, and none does any more when it is full.
func TestWorkGrowsWithTheQueue(t *testing.T) {
	t.Parallel()
	const queue = 8
	w, clock := newFlooded(t, limit.WorkFlood, queue)
	for n, bits := range []int{0, 0, 0, 0, 20, 22, 24, 26, -1} {
		clock.Advance(time.Second)
		a := w.post(request(n))
		switch bits {
		case 0:
			decode[api.Accepted](t, a, 202)
		case -1:
			if p := a.problem(t, 429); p.Work != nil || !strings.Contains(p.Detail, "queue") {
				t.Errorf("the full queue: %+v", p)
			}
		default:
			if _, puzzle := a.puzzle(t); puzzle.Bits != bits {
				t.Errorf("with %d waiting: %d bits, want %d", n, puzzle.Bits, bits)
			}
			if _, err := w.client().RegisterByAdmin(t.Context(), request(n)); err != nil { // fills it further
				t.Fatal(err)
			}
		}
	}
	// Decisions end it.
	for n := range 5 {
		if _, err := w.client().Reject(t.Context(), fmt.Sprint("r", n+1), "spam"); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(time.Second)
	decode[api.Accepted](t, w.post(request(100)), 202)
}

// TestWorkGrowsWithTheRate sends more than the quiet rate; two minutes later
// nobody has to work any more.
func TestWorkGrowsWithTheRate(t *testing.T) {
	t.Parallel()
	const quiet = 120
	w, clock := newFlooded(t, limit.WorkFlood, 100_000)
	sent := 0
	for ; sent < 10*quiet; sent++ {
		if a := w.post(request(sent), fmt.Sprintf("X-Forwarded-For: 198.51.%d.1", sent%256)); a.status != 202 {
			if _, puzzle := a.puzzle(t); puzzle.Bits != 20 || sent < quiet {
				t.Errorf("after %d: %d bits", sent, puzzle.Bits)
			}
			break
		}
	}
	if sent == 10*quiet {
		t.Fatal("no work is asked for")
	}
	clock.Advance(2 * time.Minute)
	decode[api.Accepted](t, w.post(request(sent)), 202)
}

// TestFormUnderFlood shows who registers in a browser what else there is.
func TestFormUnderFlood(t *testing.T) {
	t.Parallel()
	w, _ := newFlooded(t, limit.WorkAlways, 1000)
	r := request(1)
	a := w.send(exchange{"POST", w.public + "/register", []string{"Content-Type: application/x-www-form-urlencoded"},
		"name=x&game=crossfire&email=a%40example.org&description=x&addresses=" + r.Address})
	if a.status != 429 || !bytes.Contains(a.body, []byte("metaserver register")) || bytes.Contains(a.body, []byte("Try again")) {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	w.pageWith(w.submit("/register/mirror", mirrorForm("wien", "http://ms.example.at/")), 429, "metaserver mirror register", `value="wien"`)
}
