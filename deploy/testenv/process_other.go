//go:build !linux

package testenv

import (
	"os"
	"os/exec"
)

// ownGroup does nothing here: the programs that have children run on Linux.
func ownGroup(*exec.Cmd) {}

// killGroup kills the process alone.
func killGroup(p *os.Process) {
	_ = p.Kill() // fails only if it has ended
}
