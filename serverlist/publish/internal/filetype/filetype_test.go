package filetype

import (
	"io/fs"
	"testing"
)

func TestName(t *testing.T) {
	t.Parallel()
	for mode, want := range map[fs.FileMode]string{
		0o644:                    "a file",
		fs.ModeDir | 0o755:       "a folder",
		fs.ModeSymlink | 0o777:   "a symbolic link",
		fs.ModeNamedPipe | 0o600: "a special file",
		fs.ModeSocket | 0o600:    "a special file",
		fs.ModeDevice | fs.ModeCharDevice | 0o600: "a special file",
	} {
		if got := Name(mode); got != want {
			t.Errorf("%v is %q, want %q", mode, got, want)
		}
	}
}
