//go:build linux || darwin || freebsd

package root

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// freeSpace returns the bytes that this user may fill where path is.
func freeSpace(path string) (free uint64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, false
	}
	return uint64(s.Bavail) * uint64(s.Bsize), true
}

// writable returns an error if this user may not create files in a folder, or,
// where it is not there yet, in the one that will hold it.
func writable(path string) error {
	err := unix.Access(path, unix.W_OK|unix.X_OK)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path {
		return writable(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("this user may not write to %s: %w", path, err)
	}
	return nil
}
