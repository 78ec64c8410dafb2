package root

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/signed-metaserver/metaserver/root/store"
)

// A LockedError says that another process serves the root in this folder. Two
// of them would each serve editions of their own.
type LockedError struct {
	Data string
	PID  int // of the other process; 0: not known
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID > 0 {
		who += fmt.Sprintf(" (pid %d)", e.PID)
	}
	return fmt.Sprintf("%s serves the root in %s: stop it first, or use another folder", who, e.Data)
}

// lockData locks the data folder until what it returns is closed or the process
// ends, however it ends. The lock file stays; whether it is there says nothing.
func lockData(d folder) (io.Closer, error) {
	f, err := openLocked(d.lock())
	if errors.Is(err, errLocked) {
		return nil, &LockedError{Data: string(d), PID: readPID(d.lock())}
	}
	if err != nil {
		return nil, fmt.Errorf("locking the data folder: %w", explainFolder(string(d), err))
	}
	// For the error message of others; without it they do without the number.
	if f.Truncate(0) == nil {
		fmt.Fprintln(f, os.Getpid())
	}
	return f, nil
}

var errLocked = errors.New("locked by another process")

// A lockedFile is open under a lock, which ends when it is closed.
type lockedFile struct{ *os.File }

// Close ends the lock by itself, and not only with the file: a program that is
// just being started has a copy of the file for a moment.
func (f *lockedFile) Close() error { return errors.Join(unlock(f.File), f.File.Close()) }

func readPID(path string) int {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	data, _ := io.ReadAll(io.LimitReader(f, 32))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid
}

// explainFolder adds what to do when a data folder cannot be written to.
func explainFolder(data string, err error) error {
	switch {
	case errors.Is(err, store.ErrNoSpace), errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the disk of %s is full: make room (a new root needs 2 MB) and try again; nothing was changed: %w", data, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s cannot be written to, and a root keeps its database and its documents there: mount it read-write, and give it to the user that runs the root (chown -R USER %s): %w", data, data, err)
	}
	return err
}
