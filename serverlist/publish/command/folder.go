package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

const (
	fileMode   = 0o644 // programs that keep modes must make files that a web server can read
	folderMode = 0o755
)

// A folder is the path of one with documents in it. A program that fills it may
// leave anything there.
type folder string

// create makes the folder, readable for all whatever the umask says.
func (f folder) create() error {
	return errors.Join(os.MkdirAll(string(f), folderMode), os.Chmod(string(f), folderMode))
}

func (f folder) path(name string) string { return filepath.Join(string(f), filepath.FromSlash(name)) }

// open opens a document. A link that the host sent could lead to any file of
// this machine, and a pipe would not end: both are refused.
func (f folder) open(name string) (io.ReadCloser, error) {
	if err := f.regular(filepath.Dir(f.path(name)), fs.ModeDir); err != nil {
		return nil, err
	}
	if err := f.regular(f.path(name), 0); err != nil {
		return nil, err
	}
	return os.Open(f.path(name))
}

// regular refuses what is not of this type.
func (f folder) regular(path string, want fs.FileMode) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode().Type() != want {
		name, _ := filepath.Rel(string(f), path)
		return fmt.Errorf("the host holds %s as something else than a file or a folder (%s): remove it there", filepath.ToSlash(name), info.Mode().Type())
	}
	return nil
}

// write replaces a document, never through a link.
func (f folder) write(name string, data []byte) error {
	path := f.path(name)
	if dir := filepath.Dir(path); dir != string(f) {
		if err := folder(dir).create(); err != nil {
			return err
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(os.WriteFile(path, data, fileMode), os.Chmod(path, fileMode))
}

// copyFrom copies every document of another folder, and nothing else that may
// be there.
func (f folder) copyFrom(other folder) error {
	names := []string{publish.ServerList, publish.MirrorList}
	trust, err := os.ReadDir(other.path("trust"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range trust {
		names = append(names, "trust/"+e.Name())
	}
	for _, name := range names {
		if publish.CheckName(name) != nil {
			continue
		}
		if err := f.copyDocument(other, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (f folder) copyDocument(other folder, name string) error {
	r, err := other.open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxDocument))
	if err != nil {
		return err
	}
	return f.write(name, data)
}
