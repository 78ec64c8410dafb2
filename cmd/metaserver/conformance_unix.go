//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// killWithChildren makes the end of the command's context end its children
// too: a command is often a script or "go run", which start others.
func killWithChildren(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
