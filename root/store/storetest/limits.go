package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

var limitTests = map[string]func(*testing.T, *world){
	"QueueFull":            queueFull,
	"SourceLimit":          sourceLimit,
	"SourceLimitByNetwork": sourceLimitByNetwork,
	"SourceLimitOfNetwork": sourceLimitOfNetwork,
	"SourceLimitMapped":    sourceLimitMapped,
	"SourceLimitClockBack": sourceLimitClockBack,
}

func queueFull(t *testing.T, w *world) {
	limits := store.Limits{Queue: 3}
	for i := range 3 {
		if _, err := w.Register(t.Context(), request(distinct(i)), limits); err != nil {
			t.Fatal(err)
		}
	}
	refused := request(distinct(3))
	_, err := w.Register(t.Context(), refused, limits)
	wantError(t, err, store.ErrQueueFull)
	// An update takes no place.
	if _, err := w.Register(t.Context(), request(distinct(1)), limits); err != nil {
		t.Errorf("updating while the queue is full: %v", err)
	}
	wantIDs(t, "queue", w.pending(), "r1", "r2", "r3")
	if _, err := w.Reject(t.Context(), "r2", "no", "alice"); err != nil {
		t.Fatal(err)
	}
	w.approve("r1")
	for i := range 2 {
		if _, err := w.Register(t.Context(), request(distinct(10+i)), limits); err != nil {
			t.Errorf("after two decisions: %v", err)
		}
	}
	_, err = w.Register(t.Context(), refused, limits)
	wantError(t, err, store.ErrQueueFull)
	if c := w.counts(); c.Pending != 3 {
		t.Errorf("%d pending, want 3", c.Pending)
	}
}

func sourceLimit(t *testing.T, w *world) {
	limits := store.Limits{PerSource: 2, Window: time.Hour}
	send := func(n int, changes ...change) error {
		_, err := w.Register(t.Context(), request(append(changes, distinct(n))...), limits)
		return err
	}
	refused := func(n int, wait time.Duration) {
		t.Helper()
		e := wantAs[*store.SourceLimitError](t, send(n))
		if e.RetryAfter != wait || e.Limit != 2 {
			t.Errorf("limit %d, retry after %v; want 2 and %v", e.Limit, e.RetryAfter, wait)
		}
	}
	accepted := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	accepted(send(1))
	w.wait(10 * time.Minute)
	accepted(send(2))
	w.wait(time.Minute)
	refused(3, 49*time.Minute)
	accepted(send(2)) // its own pending request again
	accepted(send(3, from("192.0.2.2")))
	// A decision gives the source nothing back.
	if _, err := w.Reject(t.Context(), "r1", "no", "alice"); err != nil {
		t.Fatal(err)
	}
	refused(4, 49*time.Minute)
	w.wait(49*time.Minute - time.Second)
	refused(4, time.Second)
	w.wait(time.Second)
	accepted(send(4))
	refused(5, 10*time.Minute)
	// Whoever is exempt is told so by the caller.
	_, err := w.Register(t.Context(), request(distinct(5)), unlimited)
	accepted(err)
	// The earliest stay.
	wantIDs(t, "queue", w.pending(), "r2", "r3", "r4", "r5")
}

func sourceLimitByNetwork(t *testing.T, w *world) {
	limits := store.Limits{PerSource: 2}
	for i, source := range []string{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2"} {
		if _, err := w.Register(t.Context(), request(distinct(i), from(source)), limits); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Register(t.Context(), request(distinct(2), from("2001:db8:0:1:0:0:0:3")), limits)
	wantAs[*store.SourceLimitError](t, err)
	if _, err := w.Register(t.Context(), request(distinct(2), from("2001:db8:0:2::1")), limits); err != nil {
		t.Errorf("another /64: %v", err)
	}
}

// Many sources of one network cannot fill the queue.
func sourceLimitOfNetwork(t *testing.T, w *world) {
	limits := store.Limits{PerSource: 2}
	const most = 2 * store.NetworkFactor
	n := 0
	send := func(source string) error {
		n++
		_, err := w.Register(t.Context(), request(distinct(n), from(source)), limits)
		return err
	}
	for _, network := range []struct{ source, other string }{
		{"2001:db8:1:%x::1", "2001:db8:2::1"},
		{"192.0.2.%d", "192.0.3.1"},
	} {
		for i := range most {
			if err := send(fmt.Sprintf(network.source, i)); err != nil {
				t.Fatal(err)
			}
		}
		e := wantAs[*store.SourceLimitError](t, send(fmt.Sprintf(network.source, most)))
		if e.Limit != most || e.RetryAfter != store.DefaultWindow {
			t.Errorf("%+v", e)
		}
		if err := send(network.other); err != nil {
			t.Errorf("another network: %v", err)
		}
	}
}

func sourceLimitMapped(t *testing.T, w *world) {
	limits := store.Limits{PerSource: 1}
	if _, err := w.Register(t.Context(), request(distinct(0), from("192.0.2.1")), limits); err != nil {
		t.Fatal(err)
	}
	_, err := w.Register(t.Context(), request(distinct(1), from("::ffff:192.0.2.1")), limits)
	wantAs[*store.SourceLimitError](t, err)
	if _, err := w.Register(t.Context(), request(distinct(1), from("::ffff:192.0.2.2")), limits); err != nil {
		t.Errorf("mapped addresses are no network: %v", err)
	}
}

// A clock that was set back must not lock a source out for longer than the
// window.
func sourceLimitClockBack(t *testing.T, w *world) {
	limits := store.Limits{PerSource: 1, Window: time.Hour}
	if _, err := w.Register(t.Context(), request(distinct(0)), limits); err != nil {
		t.Fatal(err)
	}
	w.wait(-100 * time.Hour)
	_, err := w.Register(t.Context(), request(distinct(1)), limits)
	if e := wantAs[*store.SourceLimitError](t, err); e.RetryAfter != time.Hour {
		t.Errorf("retry after %v, want 1h", e.RetryAfter)
	}
}

// fill registers n servers from as many sources.
func (w *world) fill(n int) {
	w.t.Helper()
	for i := range n {
		w.register(distinct(i), from(fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)))
	}
}
