package backup

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/datafolder"
)

// TempPrefix begins the names of the folders in which backups are prepared. Each
// holds e-mail addresses, and a lock file that a living process holds.
const TempPrefix = ".metaserver-backup-"

const (
	tempLock = "lock"
	tempAge  = 24 * time.Hour // what has no lock, and is older, is left over
)

// makeTemp makes a folder for one backup. end removes it; where the
// process is killed before, RemoveTemps does.
func makeTemp(dir string) (temp string, end func(), err error) {
	for range 10 { // another process may take a folder for left over before it is locked
		if temp, err = os.MkdirTemp(dir, TempPrefix); err != nil {
			return "", nil, err
		}
		lock, err := datafolder.OpenLocked(filepath.Join(temp, tempLock))
		if err == nil && isStill(lock.File) {
			return temp, func() { removeLocked(temp, lock) }, nil
		}
		if err == nil {
			lock.Close()
		}
		os.RemoveAll(temp)
		if err != nil && !errors.Is(err, datafolder.ErrLocked) && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, err
		}
	}
	return "", nil, errors.New("the folder in which the backup is prepared is taken away again and again")
}

// isStill tells whether an open file is still what its name leads to.
func isStill(f *os.File) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(opened, named)
}

// removeLocked removes a folder whose lock is held. Where an open file cannot be
// removed it goes once it is closed.
func removeLocked(temp string, lock io.Closer) error {
	first := os.RemoveAll(temp)
	lock.Close()
	if first == nil {
		return nil
	}
	return os.RemoveAll(temp)
}

// RemoveTemps removes what killed backups have left in a folder, and
// returns which; an error is about what could not be removed. What a living
// process works in stays.
func RemoveTemps(dir string, now time.Time) (removed []string, err error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, e := range all {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), TempPrefix) {
			continue
		}
		temp := filepath.Join(dir, e.Name())
		gone, err := removeIfLeft(temp, now)
		if err != nil {
			failed = append(failed, err)
		}
		if gone {
			removed = append(removed, temp)
		}
	}
	return removed, errors.Join(failed...)
}

func removeIfLeft(temp string, now time.Time) (gone bool, err error) {
	info, err := os.Lstat(temp)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // its backup has ended meanwhile
	}
	if err != nil {
		return false, err
	}
	old := now.Sub(info.ModTime()) > tempAge
	path := filepath.Join(temp, tempLock)
	if info, err = os.Lstat(path); errors.Is(err, fs.ErrNotExist) { // not yet, or it was removed half
		if !old {
			return false, nil
		}
		err = os.RemoveAll(temp)
		return err == nil, err
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() || !datafolder.LocksHold && !old {
		return false, nil
	}
	lock, err := datafolder.OpenLocked(path)
	if errors.Is(err, datafolder.ErrLocked) || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = removeLocked(temp, lock)
	return err == nil, err
}
