package publishtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// An OpenFunc makes a new, empty place on a host and returns two targets that
// are this place: faulty connects with dial, clean as it likes. It cleans up by
// itself.
type OpenFunc func(t *testing.T, dial DialFunc) (faulty, clean publish.Target)

// An Allowance is what a target may leave behind when it is interrupted, if its
// host cannot replace a file in one step. The package documentation of such a
// target says so.
type Allowance int

// The allowances.
const (
	AllowNothing Allowance = iota // each document is the older one or the newer one
	AllowAbsent                   // one document may be missing: the host cannot rename over a file
	AllowHalf                     // one document may be anything: the host has no rename
)

// Interrupted cuts the line during the publication of a newer set of about
// 300 kB over an older one, at byte counts that are spread over the whole
// exchange and lie inside of every operation; half of the connections are reset
// and half are closed in order. After each cut Set must have failed (or have
// finished), the host must hold complete documents, each the older or the newer
// one, and the next run must complete. A table of it is logged. A [Sweep] cuts
// at three times as many.
func Interrupted(t *testing.T, allow Allowance, open OpenFunc) {
	w := newWorld(allow, open)
	var faults []fault
	for i, n := range w.spread(t) {
		faults = append(faults, fault{[]Fault{Reset, Closed}[i%2], n})
	}
	w.strikeAll(t, faults, func(ctx context.Context, _ *Line, target publish.Target) error {
		_, err := publish.Set(ctx, target, w.newer)
		return err
	})
}

// Silenced lets the line go silent during each operation of a publication. The
// target must give up by itself: hasty gives short timeouts to a faulty one. On
// a busy machine they may be over before the silence, which is a fault as any.
// What is left behind is judged as in [Interrupted].
func Silenced(t *testing.T, allow Allowance, open OpenFunc, hasty func(publish.Target) publish.Target) {
	w := newWorld(allow, open)
	w.hasty = hasty
	w.strikeAll(t, w.silence(t), func(ctx context.Context, _ *Line, target publish.Target) error {
		ctx, cancel := context.WithTimeout(ctx, tooLong)
		defer cancel()
		_, err := publish.Set(ctx, target, w.newer)
		if ctx.Err() != nil {
			t.Errorf("the target did not give up within %v", tooLong)
		}
		return err
	})
}

// Cancelled is as [Silenced], but the context is cancelled once the line is
// silent, and the faulty target has its usual timeouts: it must not wait for
// them.
func Cancelled(t *testing.T, allow Allowance, open OpenFunc) {
	w := newWorld(allow, open)
	w.strikeAll(t, w.silence(t), func(ctx context.Context, l *Line, target publish.Target) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() {
			select {
			case <-l.Down():
				cancel()
			case <-ctx.Done():
			}
		}()
		ended := make(chan error, 1)
		go func() {
			_, err := publish.Set(ctx, target, w.newer)
			ended <- err
		}()
		select {
		case err := <-ended:
			return err
		case <-time.After(tooLong):
			return errStuck
		}
	})
}

// tooLong is what no target waits in these tests, on the busiest machine.
const tooLong = 2 * time.Minute

var errStuck = errors.New("the target goes on although the context has ended")

// A world is what all the runs of one test share.
type world struct {
	allow        Allowance
	open         OpenFunc
	hasty        func(publish.Target) publish.Target // nil: timeouts stay as they are
	older, newer publish.Documents
}

func newWorld(allow Allowance, open OpenFunc) *world {
	root := NewRoot(serverlisttest.Options{})
	ids := make([]string, 2500)
	for i := range ids {
		ids[i] = fmt.Sprintf("server-%05d", i)
	}
	w := &world{allow: allow, open: open}
	w.older = root.Documents(1_793_000_001, ids[:100]...)
	root.Rotate(true)
	w.newer = root.Documents(1_793_000_002, ids...)
	return w
}

// A fault strikes after so many bytes.
type fault struct {
	kind  Fault
	after int64
}

// A span is the part of an undisturbed exchange that belongs to one operation.
type span struct {
	op         string
	start, end int64 // bytes
}

// measure publishes over a good line.
func (w *world) measure(t *testing.T) (spans []span) {
	line := NewLine(t, "", 0)
	faulty, clean := w.open(t, line.Dial)
	mustSet(t, clean, w.older)
	spy := &Spy{Target: faulty}
	start := int64(0)
	spy.Done = func() {
		end := line.Carried()
		spans = append(spans, span{spy.Ops[len(spy.Ops)-1], start, end})
		start = end
	}
	mustSet(t, spy, w.newer)
	holds(t, clean, w.newer)
	if start == 0 {
		t.Fatal("nothing went over the line: does the target use its dialer?")
	}
	return spans
}

// spread returns byte counts: in powers from 1 on, inside of every operation,
// and most where documents are put in place. A sweep takes all of them, and
// the edges of the operations.
func (w *world) spread(t *testing.T) []int64 {
	spans := w.measure(t)
	total := spans[len(spans)-1].end
	factor, fromEnd := int64(16), []int64{0, 40, 200}
	if Sweep() {
		factor, fromEnd = 2, []int64{0, 1, 40, 100, 200, 300, 450}
	}
	var at []int64
	for n := int64(1); n < total; n *= factor {
		at = append(at, n)
	}
	for _, s := range spans {
		length := s.end - s.start
		at = append(at, s.start+length/2)
		if Sweep() {
			at = append(at, s.start+1, s.start+length/4, s.end-length/4, s.end)
		}
		if strings.HasPrefix(s.op, "write") {
			for _, before := range fromEnd {
				at = append(at, max(s.start, s.end-before))
			}
		}
	}
	slices.Sort(at)
	return slices.DeleteFunc(slices.Compact(at), func(n int64) bool { return n <= 0 || n >= total })
}

// silence returns a fault at the beginning, and inside of each operation.
func (w *world) silence(t *testing.T) []fault {
	faults := []fault{{Silent, 0}}
	for _, s := range w.measure(t) {
		if s.end > s.start {
			faults = append(faults, fault{Silent, s.start + (s.end-s.start+1)/2})
		}
	}
	return faults
}

// strikeAll makes one run for each fault and logs what became of the host.
func (w *world) strikeAll(t *testing.T, faults []fault, run func(context.Context, *Line, publish.Target) error) {
	rows := make([]string, len(faults))
	t.Run("faults", func(t *testing.T) {
		for i, f := range faults {
			t.Run(fmt.Sprintf("%s after %d bytes", f.kind, f.after), func(t *testing.T) {
				t.Parallel()
				rows[i] = w.strike(t, f, run)
			})
		}
	})
	var table bytes.Buffer
	tw := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "fault\tafter bytes\tduring\tleaves mirror.list\tserver.list\ttrust\n")
	fmt.Fprint(tw, strings.Join(rows, ""))
	tw.Flush()
	t.Logf("%d runs; the next run completed after each\n%s", len(faults), table.String())
}

// strike makes one run and returns its row of the table.
func (w *world) strike(t *testing.T, f fault, run func(context.Context, *Line, publish.Target) error) string {
	line := NewLine(t, f.kind, f.after)
	faulty, clean := w.open(t, line.Dial)
	if w.hasty != nil {
		faulty = w.hasty(faulty)
	}
	mustSet(t, clean, w.older)
	spy := &Spy{Target: faulty}
	err := run(t.Context(), line, spy)
	if errors.Is(err, errStuck) {
		t.Fatal(err) // the spy is still in use
	}
	during := spy.Failed
	switch {
	case err == nil:
		during = "nothing"
		holds(t, clean, w.newer)
	case during == "":
		during = "reading" // between two operations
	}
	left := w.judge(t, during, clean)
	mustSet(t, clean, w.newer) // reads back what it has written, and knows the rest
	return fmt.Sprintf("%s\t%d\t%s\t%s\t%s\t%s\n", f.kind, f.after, during,
		left[publish.MirrorList], left[publish.ServerList], left[publish.TrustName(2)])
}

// judge tells what a run has left, by name: "older", "newer", "absent", "half".
func (w *world) judge(t *testing.T, during string, clean publish.Target) map[string]string {
	t.Helper()
	left := map[string]string{}
	s := session(t, clean)
	defer s.Close()
	for name, docs := range map[string][2][]byte{
		publish.TrustName(1): {w.older.Trust.Pinned().Bytes(), w.older.Trust.Pinned().Bytes()},
		publish.TrustName(2): {nil, w.newer.Trust.Newest().Bytes()},
		publish.MirrorList:   {w.older.Mirrors.Bytes(), w.newer.Mirrors.Bytes()},
		publish.ServerList:   {w.older.Servers.Bytes(), w.newer.Servers.Bytes()},
	} {
		data := readOrNil(t, s, name)
		switch {
		case data != nil && bytes.Equal(data, docs[1]):
			left[name] = "newer"
		case data != nil && bytes.Equal(data, docs[0]):
			left[name] = "older"
		case data == nil:
			left[name] = "absent"
			if docs[0] != nil && w.allow < AllowAbsent {
				t.Errorf("a fault during %q leaves no %s", during, name)
			}
		default:
			left[name] = "half"
			if w.allow < AllowHalf {
				t.Errorf("a fault during %q leaves %d bytes of %s that are neither the older nor the newer document", during, len(data), name)
			}
		}
	}
	if left[publish.ServerList] == "newer" && left[publish.MirrorList] == "older" || left[publish.MirrorList] == "newer" && left[publish.TrustName(2)] != "newer" {
		t.Errorf("a fault during %q leaves a document that came before what it needs: %v", during, left)
	}
	return left
}
