package durable

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"time"
)

// Errors while another process has a file open or moves it: a reader, a virus
// scanner, the indexer. They pass.
const (
	errorAccessDenied     syscall.Errno = 5
	errorSharingViolation syscall.Errno = 32
	errorLockViolation    syscall.Errno = 33
)

func rename(from, to string) error {
	return patiently(func() error { return os.Rename(from, to) }, errorAccessDenied, errorSharingViolation, errorLockViolation)
}

// open shares the file with those who move it, which os.Open does not, and
// waits while somebody shares it with nobody.
func open(path string) (f *os.File, err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err == nil {
		err = patiently(func() error {
			const share = syscall.FILE_SHARE_READ | syscall.FILE_SHARE_WRITE | syscall.FILE_SHARE_DELETE
			h, err := syscall.CreateFile(name, syscall.GENERIC_READ, share, nil, syscall.OPEN_EXISTING, syscall.FILE_ATTRIBUTE_NORMAL, 0)
			if err == nil {
				f = os.NewFile(uintptr(h), path)
			}
			return err
		}, errorSharingViolation)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return f, nil
}

// patiently tries for about two seconds, which is longer than readers and virus
// scanners hold a file, and short enough to be an error message.
func patiently(try func() error, passing ...syscall.Errno) error {
	pause := time.Millisecond
	for {
		err := try()
		var errno syscall.Errno
		if !errors.As(err, &errno) || !slices.Contains(passing, errno) || pause > time.Second {
			return err
		}
		time.Sleep(pause)
		pause *= 2
	}
}

// SyncDir does nothing: Windows documents no call for it. NTFS keeps the names
// of a folder consistent by its journal, but the last of them may be lost with
// the power.
func SyncDir(string) error { return nil }
