package publishtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// tryWrite tries an empty target, one that holds documents, and that a
// publication goes on from there.
func tryWrite(t *testing.T, target publish.Target) {
	trier, ok := target.(publish.Trier)
	if !ok {
		return
	}
	mustTry := func() {
		t.Helper()
		if err := trier.TryWrite(t.Context()); err != nil {
			t.Fatalf("the trial says %v", err)
		}
	}
	mustTry()
	emptyTarget(t, target)
	root := NewRoot(serverlisttest.Options{})
	docs := root.Documents(1_793_000_000, "alpha")
	mustSet(t, target, docs)
	mustTry()
	holds(t, target, docs)
	newer := root.Documents(1_793_000_001, "alpha", "beta")
	mustSet(t, target, newer)
	holds(t, target, newer)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := trier.TryWrite(ctx); err == nil {
		t.Error("a trial whose context has ended finds nothing wrong")
	}
}

// TriedInterrupted cuts the line during a trial of writing, at byte counts that
// are spread over the whole exchange. Each time the documents must stay as they
// are, the next trial must go well and the next publication, too.
func TriedInterrupted(t *testing.T, open OpenFunc) {
	root := NewRoot(serverlisttest.Options{})
	older, newer := root.Documents(1_793_000_000, "alpha"), root.Documents(1_793_000_001, "beta")
	quiet := NewLine(t, "", 0)
	faulty, clean := open(t, quiet.Dial)
	mustSet(t, clean, older)
	if err := publish.TryWrite(t.Context(), faulty); err != nil {
		t.Fatal(err)
	}
	const cuts = 6
	failed := 0
	for i := range int64(cuts) {
		faulty, clean := open(t, CutAfter(t, quiet.Carried()*(i+1)/(cuts+1)))
		mustSet(t, clean, older)
		during := fmt.Sprintf("cut %d of %d", i+1, cuts)
		if err := publish.TryWrite(t.Context(), faulty); err != nil {
			failed++
			t.Logf("%s: %v", during, err)
		}
		holds(t, clean, older)
		if err := publish.TryWrite(t.Context(), clean); err != nil {
			t.Errorf("%s: the next trial says %v", during, err)
		}
		mustSet(t, clean, newer)
		holds(t, clean, newer)
	}
	if failed < cuts/2 {
		t.Errorf("only %d of %d trials were cut", failed, cuts)
	}
}
