//go:build linux || darwin || freebsd

package mirror

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// freeSpace returns the bytes that this user may fill where path is, or will
// be.
func freeSpace(path string) (free uint64, known bool) {
	var s unix.Statfs_t
	err := unix.Statfs(path, &s)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path {
		return freeSpace(filepath.Dir(path))
	}
	return uint64(s.Bavail) * uint64(s.Bsize), err == nil
}

// writable returns an error if this user may not create files in a folder.
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
