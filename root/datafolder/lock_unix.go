//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package datafolder

import (
	"errors"
	"os"
	"syscall"
)

// LocksHold tells whether OpenLocked keeps another process out.
const LocksHold = true

// OpenLocked opens a file under an advisory lock. The system drops the lock
// when the file is closed, also that of a killed process.
func OpenLocked(path string) (*LockedFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return &LockedFile{f}, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, ErrLocked
	}
	return nil, &os.PathError{Op: "flock", Path: path, Err: err}
}

func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
