package datafolder

import (
	"errors"
	"os"
	"syscall"
)

const errorSharingViolation syscall.Errno = 32

// LocksHold tells whether OpenLocked keeps another process out.
const LocksHold = true

// OpenLocked opens a file that others may then read and not open for writing.
// The system ends that when the file is closed, also that of a killed process.
func OpenLocked(path string) (*LockedFile, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, syscall.FILE_SHARE_READ,
		nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errorSharingViolation) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &LockedFile{os.NewFile(uintptr(h), path)}, nil
}

func unlock(*os.File) error { return nil }
