package storetest

import (
	"testing"
	"time"
)

var healthTests = map[string]func(*testing.T, *world){
	"ProbeChangesNothing": probeChangesNothing,
	"OldestWaits":         oldestWaits,
}

func probeChangesNothing(t *testing.T, w *world) {
	w.register()
	before := w.counts()
	for range 3 {
		if err := w.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if after := w.counts(); after != before {
		t.Errorf("%+v before, %+v afterwards", before, after)
	}
	other := w.another()
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := other.Probe(t.Context()); err == nil {
		t.Error("a store that is closed takes writes")
	}
}

func oldestWaits(t *testing.T, w *world) {
	want := func(server, mirror time.Time) {
		t.Helper()
		got, err := w.Oldest(t.Context())
		if err != nil || !got.Server.Equal(server) || !got.Mirror.Equal(mirror) {
			t.Errorf("%+v, %v; want %v, %v", got, err, server, mirror)
		}
	}
	want(time.Time{}, time.Time{})
	first := w.register()
	w.wait(time.Hour)
	w.registerMirror("m1")
	mirror := w.clock()
	w.register(distinct(2), mailed("another@example.org"))
	want(first.Created, mirror)
	w.approve(first.ID)
	want(mirror, mirror) // the second came at that time
}
