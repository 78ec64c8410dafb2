// Package filetype names what stands where a document should.
package filetype

import "io/fs"

// Name returns what a file of this mode is, as "a folder".
func Name(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode.IsDir():
		return "a folder"
	case mode.IsRegular():
		return "a file"
	default:
		return "a special file"
	}
}
