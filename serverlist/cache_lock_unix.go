//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package serverlist

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock or returns errLocked. It belongs to the open file: the
// system takes it back when the process ends, however it ends.
func tryLock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err == nil || errors.Is(err, errors.ErrUnsupported) { // some network file systems have no locks
		return func() { f.Close() }, nil
	}
	f.Close()
	if err == syscall.EWOULDBLOCK {
		return nil, errLocked
	}
	return nil, &os.PathError{Op: "lock", Path: path, Err: err}
}
