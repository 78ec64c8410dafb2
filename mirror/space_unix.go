//go:build linux || darwin || freebsd

package mirror

import (
	"errors"
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
