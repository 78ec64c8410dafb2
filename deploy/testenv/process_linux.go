package testenv

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup puts the process into a process group of its own, so that its
// children can be killed with it, and has the kernel kill it when the test
// binary dies without running its cleanups, as on a timeout.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup kills the process and those of its children that stayed in its
// group. The process must not have been waited for: its id is then still its own.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL) // fails only if all have ended
}
