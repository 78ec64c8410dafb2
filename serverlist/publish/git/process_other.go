//go:build !unix

package git

import "os/exec"

// ownGroup does nothing: children of git end when it no longer reads them.
func ownGroup(*exec.Cmd) {}
