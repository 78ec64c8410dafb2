//go:build !unix

package command

import "os/exec"

// ownGroup does nothing: the end of the context kills the program alone.
func ownGroup(*exec.Cmd) {}

func killGroup(*exec.Cmd) error { return nil }
