// Package work is for targets that run programs: their temporary folders, and the
// process groups of what they start.
package work

import (
	"os"
	"path/filepath"
	"time"
)

// Stale is the age at which a folder counts as left by a process that was
// killed: no session takes so long.
const Stale = 24 * time.Hour

// Folder makes a folder "metaserver-KIND-RANDOM" for temporary files, which the
// caller removes. It removes those of the same kind that are stale; what it may
// not remove, as that of another user, stays.
func Folder(kind string) (string, error) {
	pattern := "metaserver-" + kind + "-*"
	removeStale(filepath.Join(os.TempDir(), pattern))
	return os.MkdirTemp("", pattern)
}

func removeStale(pattern string) {
	left, _ := filepath.Glob(pattern) // no folder, nothing to remove
	for _, path := range left {
		if info, err := os.Lstat(path); err == nil && info.IsDir() && time.Since(info.ModTime()) > Stale {
			_ = os.RemoveAll(path)
		}
	}
}
