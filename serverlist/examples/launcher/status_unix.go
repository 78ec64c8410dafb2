//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// gameStatus is what a shell would say: the status of the game, or 128 and the
// number of the signal that ended it.
func gameStatus(exit *exec.ExitError) int {
	if w, ok := exit.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return exit.ExitCode()
}
