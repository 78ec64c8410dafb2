//go:build !windows

package keyfile

import (
	"fmt"
	"io/fs"
	"os"
)

// checkMode refuses what others than the owner can read or write, as ssh does.
func checkMode(path string, mode fs.FileMode) error {
	if !mode.IsRegular() {
		return fmt.Errorf("key file %s is not a regular file", path)
	}
	if mode.Perm()&0o077 != 0 {
		return fmt.Errorf("key file %s is open to others (mode %04o), so its key may be known to them: chmod 600 %s, and think about a new key",
			path, mode.Perm(), path)
	}
	return nil
}

// syncDir makes new names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
