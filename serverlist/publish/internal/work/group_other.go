//go:build !unix

package work

import "os/exec"

// OwnGroup does nothing: the end of the context kills the program alone.
func OwnGroup(*exec.Cmd) {}

// KillGroup does nothing.
func KillGroup(*exec.Cmd) error { return nil }
