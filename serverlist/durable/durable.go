// Package durable replaces files so that a crash, a kill or a full disk leaves
// either the old content or the new one, complete, and never a mixture.
//
// A new version is written to a temporary file in the same folder, synced,
// renamed over the old one, and the folder is synced. Readers need no lock:
// whatever they open by [Open] is one complete version. Writers of the same file
// do not disturb each other; the last rename wins.
//
// Windows has no call to sync a folder. There a crash of the program loses
// nothing either, but with the power the newest version may be lost; the one
// before it is then there, complete.
//
// Temporary files begin with [TempPrefix]. A process that dies leaves its own
// behind; [Clean] removes them.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// TempPrefix begins the name of every temporary file of this package, and of
// no other file.
const TempPrefix = ".durable-"

// WriteFile replaces the file at path by one with the given content and
// permission bits (before the umask; see [File.Chmod]). It returns once the new
// content would survive a crash. With an error the old file is as it was, with
// one exception: if only the last step failed, the sync of the folder, the new
// content is in place but may not survive a power failure.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	f, err := Create(path, perm)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// A File is a new version of a file that is not in place yet. It is not safe
// for concurrent use.
type File struct {
	path   string
	tmp    *os.File
	synced bool // all that was written is on the disk
	done   bool
}

// Create begins a new version of the file at path, with the given permission
// bits (before the umask; see [File.Chmod]). The folder must exist. End it with
// [File.Commit], [File.Place] or [File.Abort].
func Create(path string, perm fs.FileMode) (*File, error) {
	dir := filepath.Dir(path)
	for range 100 {
		name := filepath.Join(dir, TempPrefix+strconv.FormatUint(rand.Uint64(), 36))
		// O_EXCL: neither another writer's file nor a link planted there is opened.
		tmp, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &File{path: path, tmp: tmp}, nil
	}
	return nil, fmt.Errorf("%s: no free name for a temporary file after 100 tries", dir)
}

// Write appends to the new version.
func (f *File) Write(p []byte) (int, error) {
	if f.done {
		return 0, fs.ErrClosed
	}
	f.synced = false
	return f.tmp.Write(p)
}

// Chmod sets the permission bits of the new version, whatever the umask says:
// for files that another user's web server reads.
func (f *File) Chmod(perm fs.FileMode) error {
	if f.done {
		return fs.ErrClosed
	}
	return f.tmp.Chmod(perm)
}

// Sync writes the new version to the disk without putting it in place. Commit
// and Place do it anyway; calling it earlier moves the step that takes long, and
// fails on a full disk, in front of what the caller does in between.
func (f *File) Sync() error {
	switch {
	case f.done:
		return fs.ErrClosed
	case f.synced:
		return nil
	}
	err := f.tmp.Sync()
	f.synced = err == nil
	return err
}

// Commit puts the new version in place. It returns once that would survive a
// crash. After an error the old version is in place and the temporary file is
// gone, unless the error is about syncing the folder (see [WriteFile]).
func (f *File) Commit() error {
	if err := f.Place(); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(f.path))
}

// Place puts the new version in place without syncing the folder: until the
// caller does that by [SyncDir], a crash may bring back the old version, but
// never a mixture. Several files of one folder so share its sync. After an
// error the old version is in place and the temporary file is gone.
func (f *File) Place() error {
	if f.done {
		return fs.ErrClosed
	}
	if err := f.Sync(); err != nil {
		f.Abort()
		return err
	}
	f.done = true
	// Closed before the rename: Windows does not rename an open file.
	err := f.tmp.Close()
	if err == nil {
		err = rename(f.tmp.Name(), f.path)
	}
	if err != nil {
		os.Remove(f.tmp.Name())
	}
	return err
}

// Abort drops the new version. After Commit, Place or Abort it does nothing.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	f.tmp.Close()
	os.Remove(f.tmp.Name())
}

// Move moves a file within a folder or a file system, over an existing one. It
// may not survive a crash until the folders are synced by [SyncDir]. Until then
// a crash may even leave the file under both names.
func Move(from, to string) error { return rename(from, to) }

// Rename moves as [Move] does, and returns once that would survive a crash.
func Rename(from, to string) error {
	if err := rename(from, to); err != nil {
		return err
	}
	if err := SyncDir(filepath.Dir(to)); err != nil {
		return err
	}
	if filepath.Dir(from) == filepath.Dir(to) {
		return nil
	}
	return SyncDir(filepath.Dir(from))
}

// Open opens a file for reading that others may replace at the same time. Only
// on Windows does it differ from [os.Open]: what that has opened nobody can move,
// and what somebody moves it does not open. Read soon: who wants to replace the
// file has to wait there, and gives up after two seconds.
func Open(path string) (*os.File, error) { return open(path) }

// MkdirAll creates a folder and those above it as [os.MkdirAll] does, and
// returns once they would survive a crash.
func MkdirAll(path string, perm fs.FileMode) error {
	path = filepath.Clean(path)
	var missing []string // innermost first
	for dir := path; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		missing = append(missing, dir)
	}
	if err := os.MkdirAll(path, perm); err != nil {
		return err
	}
	for _, dir := range missing {
		if err := SyncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	return nil
}

// Clean removes the temporary files in dir (not below it) that were last
// written more than age ago: those of processes that died. A running writer
// may own a younger one; an hour is a safe age. A folder that does not exist
// is clean.
func Clean(dir string, age time.Duration) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), TempPrefix) || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < age {
			continue // gone meanwhile, or perhaps still in use
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
