package keyfile

import (
	"fmt"
	"io/fs"
)

// checkMode checks the kind of file only: on Windows the mode says nothing
// about who can read it; the access list of the user's profile does.
func checkMode(path string, mode fs.FileMode) error {
	if !mode.IsRegular() {
		return fmt.Errorf("key file %s is not a regular file", path)
	}
	return nil
}

// syncDir does nothing: Windows has no way to sync a folder, and NTFS logs new
// names itself.
func syncDir(string) error { return nil }
