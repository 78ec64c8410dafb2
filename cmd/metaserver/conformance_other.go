//go:build !unix

package main

import "os/exec"

// killWithChildren does nothing here: the command alone is killed.
func killWithChildren(*exec.Cmd) {}
