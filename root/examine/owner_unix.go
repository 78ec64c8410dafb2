//go:build unix

package examine

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// modesCount: the mode of a file says who may read it.
const modesCount = true

// otherOwners returns what lies in a folder and belongs to another user than it.
func otherOwners(dir string) (paths []string) {
	dir, err := filepath.EvalSymlinks(dir) // a link to it is not walked
	if err != nil {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // it went away, or may not be read, which is told elsewhere
		}
		if info, err := e.Info(); err == nil && info.Sys().(*syscall.Stat_t).Uid != owner {
			paths = append(paths, path)
		}
		return nil
	})
	return paths
}
