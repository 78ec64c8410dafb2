//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package root

import "os"

// locksHold tells whether openLocked keeps another process out.
const locksHold = false

// openLocked opens a file: there is no lock here that ends with its process.
func openLocked(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
