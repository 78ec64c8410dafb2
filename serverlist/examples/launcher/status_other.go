//go:build !unix

package main

import "os/exec"

// gameStatus is the status of the game.
func gameStatus(exit *exec.ExitError) int { return exit.ExitCode() }
