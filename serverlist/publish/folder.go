package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/durable"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/filetype"
)

const (
	fileMode   = 0o644 // a web server runs as another user
	folderMode = 0o755
	staleTemp  = time.Hour              // where there is no lock, a younger temporary file may be in use
	lockPause  = 100 * time.Millisecond // between two tries to lock
)

// Folder is a [Target] on this machine: a folder that a web server serves, or
// that something else carries on. The folder and trust/ in it are created when
// the first document is written. Files are replaced by rename, so readers
// never see half of one; all are mode 0644 whatever the umask says.
//
// While a session is open the folder is locked against the sessions of other
// processes, where the system can lock a folder (not on Windows, not on some
// network file systems). Temporary files that a killed process left are
// removed.
type Folder struct {
	Path string // required
}

func (f Folder) String() string { return "folder " + f.Path }

// Open locks the folder if it exists. It waits for another session to end
// until the context does.
func (f Folder) Open(ctx context.Context) (Session, error) {
	if f.Path == "" {
		return nil, errors.New("the target has no path: name the folder that the web server serves")
	}
	s := &folderSession{path: f.Path}
	info, err := os.Stat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(f.Path); err == nil {
			return nil, fmt.Errorf("%s is a symbolic link to something that is not there (a disk that is not mounted?)", f.Path)
		}
		return s, nil
	case err != nil:
		return nil, explain(err)
	case !info.IsDir():
		return nil, fmt.Errorf("%s is not a folder: name the folder that the web server serves", f.Path)
	}
	return s, s.lock(ctx)
}

type folderSession struct {
	path string
	held *os.File // the open folder, which carries the lock; nil while there is no folder
}

// lock waits for the folder. What a dead process left there is removed: with
// the lock held nobody else is writing.
func (s *folderSession) lock(ctx context.Context) error {
	dir, err := os.Open(s.path)
	if err != nil {
		return explain(err)
	}
	for {
		locked, err := tryLock(dir)
		if err == nil {
			s.held = dir
			return s.clean(locked)
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("another program is publishing to %s and does not finish (%w): %w", s.path, err, ctx.Err()), dir.Close())
		case <-time.After(lockPause):
		}
	}
}

// clean never fails a session: a read-only folder can still be read back.
func (s *folderSession) clean(locked bool) error {
	age := staleTemp
	if locked {
		age = 0
	}
	_ = durable.Clean(s.path, age)
	_ = durable.Clean(filepath.Join(s.path, "trust"), age)
	return nil
}

// create makes the folder for the first document. If another process did so
// meanwhile, what this session has read back is no longer true.
func (s *folderSession) create(ctx context.Context) error {
	if s.held != nil {
		return nil
	}
	if err := makeFolder(s.path); err != nil {
		return explain(err)
	}
	if err := s.lock(ctx); err != nil {
		return err
	}
	for _, name := range []string{ServerList, MirrorList, "trust"} {
		if _, err := os.Lstat(filepath.Join(s.path, name)); err == nil {
			return fmt.Errorf("another program filled %s meanwhile; run again", s.path)
		}
	}
	return nil
}

// Read opens a document.
func (s *folderSession) Read(_ context.Context, name string) (io.ReadCloser, error) {
	path, err := s.locate(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, explain(err)
	}
	return f, nil
}

// Write replaces a document. It returns once that would survive a crash.
func (s *folderSession) Write(ctx context.Context, name string, data []byte) error {
	path, err := s.locate(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.create(ctx); err != nil {
		return err
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return explain(err)
	}
	return explain(writeFile(path, data))
}

// locate returns the path of a document. Links are refused: writing would
// replace the link, and reading could show a file that is not published.
func (s *folderSession) locate(name string) (string, error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	path := filepath.Join(s.path, filepath.FromSlash(name))
	if dir := filepath.Dir(path); dir != filepath.Clean(s.path) {
		if info, err := os.Lstat(dir); err == nil && !info.IsDir() {
			return "", fmt.Errorf("%s is not a folder (%s): remove it, it is created again", dir, filetype.Name(info.Mode()))
		}
	}
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a file (%s): remove it, it is created again", path, filetype.Name(info.Mode()))
	}
	return path, explain(err)
}

// Close ends the session and with it the lock.
func (s *folderSession) Close() error {
	if s.held == nil {
		return nil
	}
	return s.held.Close()
}

func writeFile(path string, data []byte) error {
	f, err := durable.Create(path, fileMode)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := f.Chmod(fileMode); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// makeFolder creates a folder and those above it, readable for all whatever
// the umask says.
func makeFolder(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a folder", path)
	}
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Chmod(path, folderMode); err != nil {
		return err
	}
	return durable.SyncDir(parent)
}

// explain adds what helps to the errors that operators meet.
func explain(err error) error {
	switch {
	case err == nil || errors.Is(err, fs.ErrNotExist):
		return err
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: run as the user that owns the folder, or give that user the right to read and write there", err)
	case diskFull(err):
		return fmt.Errorf("%w: the disk is full or the quota is used up; what was published before is untouched", err)
	case readOnly(err):
		return fmt.Errorf("%w: the file system is mounted read-only", err)
	}
	return err
}
