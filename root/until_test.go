package root_test

import (
	"testing"
	"time"
)

// patience bounds the wait for what comes by itself, on the busiest machine.
const patience = 2 * time.Minute

// until waits for what comes by itself.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	untilOr(t, is, func() string { return "this did not happen: " + what })
}

// until waits for what the root does by itself.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	untilOr(w.t, is, func() string { return "the root did not do this: " + what + ": " + w.log.String() })
}

func untilOr(t testing.TB, is func() bool, failure func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); {
		if time.Now().After(deadline) {
			t.Fatal(failure())
		}
		time.Sleep(20 * time.Millisecond) // between two looks; nothing depends on its length
	}
}
