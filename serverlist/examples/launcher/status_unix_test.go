//go:build unix

package main

import (
	"errors"
	"os/exec"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// A game that a signal ends gives what a shell would.
func TestGameStatus(t *testing.T) {
	t.Parallel()
	sh := testenv.Program(t, "sh")
	for script, want := range map[string]int{"kill -9 $$": 137, "kill -15 $$": 143, "exit 7": 7} {
		err := exec.Command(sh, "-c", script).Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatalf("%s: %v", script, err)
		}
		if got := gameStatus(exit); got != want {
			t.Errorf("%s: %d, want %d", script, got, want)
		}
	}
}
