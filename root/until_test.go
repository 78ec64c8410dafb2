package root_test

import (
	"time"
)

// until waits for what comes by itself.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !is(); {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: not after a minute: %s", what, w.log.String())
		}
		time.Sleep(20 * time.Millisecond) // between two looks; nothing depends on its length
	}
}
