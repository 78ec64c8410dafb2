package datafolder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
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

// Lock locks the data folder until what it returns is closed or the process
// ends, however it ends. The lock file stays; whether it is there says nothing.
func Lock(d Folder) (io.Closer, error) {
	f, err := OpenLocked(d.LockFile())
	if errors.Is(err, ErrLocked) {
		return nil, &LockedError{Data: string(d), PID: readPID(d.LockFile())}
	}
	if err != nil {
		return nil, fmt.Errorf("locking the data folder: %w", explain(string(d), err))
	}
	// For the error message of others; without it they do without the number.
	if f.Truncate(0) == nil {
		fmt.Fprintln(f, os.Getpid())
	}
	return f, nil
}

// Served tells whether a process has locked the data folder, and which one; pid
// is 0 where that is not known. It makes no lock file.
func Served(d Folder) (pid int, served bool) {
	info, err := os.Stat(d.LockFile())
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	f, err := OpenLocked(d.LockFile())
	if err == nil {
		f.Close()
	}
	if !errors.Is(err, ErrLocked) {
		return 0, false
	}
	return readPID(d.LockFile()), true
}

// ErrLocked is the error of [OpenLocked] for what another process holds.
var ErrLocked = errors.New("locked by another process")

// A LockedFile is open under a lock, which ends when it is closed.
type LockedFile struct{ *os.File }

// Close ends the lock by itself, and not only with the file: a program that is
// just being started has a copy of the file for a moment.
func (f *LockedFile) Close() error { return errors.Join(unlock(f.File), f.File.Close()) }

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
