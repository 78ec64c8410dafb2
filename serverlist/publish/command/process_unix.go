//go:build unix

package command

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the end of the context kill the program and what it started.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd) }
}

// killGroup kills the group of a program that was started. The group keeps its
// number for as long as one of it lives.
func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
