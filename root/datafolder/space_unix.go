//go:build linux || darwin || freebsd

package datafolder

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// FreeSpace returns the bytes that this user may fill where path is.
func FreeSpace(path string) (free uint64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, false
	}
	return uint64(s.Bavail) * uint64(s.Bsize), true
}

// Writable returns an error if this user may not create files in a folder, or,
// where it is not there yet, in the one that will hold it.
func Writable(path string) error {
	err := unix.Access(path, unix.W_OK|unix.X_OK)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path {
		return Writable(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("this user may not write to %s: %w", path, err)
	}
	return nil
}
