//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package datafolder

import (
	"syscall"
	"testing"
)

// A program that is just being started has a copy of every open file until it
// runs. Who has closed the lock can take it again all the same.
func TestLockEndsWithItsHolder(t *testing.T) {
	t.Parallel()
	d := Folder(t.TempDir())
	for range 2 {
		f, err := OpenLocked(d.LockFile())
		if err != nil {
			t.Fatal(err)
		}
		copied, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Close(copied) })
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
