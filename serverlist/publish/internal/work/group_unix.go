//go:build unix

package work

import (
	"os/exec"
	"syscall"
)

// OwnGroup puts a program that is not started yet into a process group of its
// own, so that the end of its context kills what it has started, too: a tool is
// often a script, and git starts ssh.
func OwnGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return KillGroup(cmd) }
}

// KillGroup kills the group of a program that was started. The group keeps its
// number for as long as one of it lives.
func KillGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
