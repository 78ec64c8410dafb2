package publish

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/signed-metaserver/metaserver/serverlist/durable"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/trial"
)

// TryWrite tries whether documents can be written; see [Trier].
func (f Folder) TryWrite(ctx context.Context) error {
	opened, err := f.Open(ctx)
	if err != nil {
		return err
	}
	s := opened.(*folderSession)
	made := missing(filepath.Join(f.Path, "trust"))
	err = s.tryFolders(ctx)
	for _, dir := range made {
		_ = os.Remove(dir) // fails if it was not made, or somebody else uses it
	}
	return errors.Join(err, s.Close())
}

func (s *folderSession) tryFolders(ctx context.Context) error {
	if err := s.create(ctx); err != nil {
		return err
	}
	for _, name := range trial.Folders {
		dir := filepath.Join(s.path, name)
		if err := errors.Join(ctx.Err(), makeFolder(dir)); err != nil {
			return explain(err)
		}
		if err := tryFolder(dir); err != nil {
			return explain(err)
		}
	}
	return nil
}

// tryFolder writes a file as documents are written. Its name is one that the
// sessions after an interruption remove.
func tryFolder(dir string) error {
	file := filepath.Join(dir, durable.TempPrefix+rand.Text())
	if err := writeFile(file, []byte(trial.Text)); err != nil {
		return err
	}
	held, err := os.Open(file)
	if err == nil {
		err = trial.ReadBack(held)
	}
	return errors.Join(err, os.Remove(file))
}

// missing returns the folders on the way to path that are not there, innermost
// first.
func missing(path string) []string {
	var dirs []string
	for ; ; path = filepath.Dir(path) {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			return dirs
		}
		dirs = append(dirs, path)
	}
}
