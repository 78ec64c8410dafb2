package durable

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// Errors of a rename while another process has one of the files open: a
// reader, a virus scanner, the indexer. They pass.
const (
	errorAccessDenied     syscall.Errno = 5
	errorSharingViolation syscall.Errno = 32
	errorLockViolation    syscall.Errno = 33
)

// rename tries for about two seconds, which is longer than readers and virus
// scanners hold a file, and short enough to be an error message.
func rename(from, to string) error {
	pause := time.Millisecond
	for {
		err := os.Rename(from, to)
		if err == nil || !passes(err) || pause > time.Second {
			return err
		}
		time.Sleep(pause)
		pause *= 2
	}
}

func passes(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) &&
		(errno == errorAccessDenied || errno == errorSharingViolation || errno == errorLockViolation)
}

// SyncDir does nothing: Windows has no call for it, and NTFS keeps renames in
// its journal.
func SyncDir(string) error { return nil }
