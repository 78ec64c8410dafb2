package serverlist

import (
	"io/fs"
	"path/filepath"
)

// openStatic opens a document that the program was shipped with: at most limit
// bytes.
func openStatic(fsys fs.FS, name string, limit int64) (*storedFile, error) {
	if fsys == nil {
		return nil, fs.ErrNotExist
	}
	info, err := fs.Stat(fsys, name)
	if err == nil {
		err = checkFile(info, name, limit)
	}
	if err != nil {
		return nil, err
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	return openStored(f, name, limit)
}

func readStatic(fsys fs.FS, name string, limit int64) ([]byte, error) {
	s, err := openStatic(fsys, name, limit)
	if err != nil {
		return nil, err
	}
	return s.all(nil)
}

// staticName is where a document lies, in words that the caller knows.
func (c *Client) staticName(name string) string {
	if c.cfg.StaticName != "" {
		return filepath.Join(c.cfg.StaticName, filepath.FromSlash(name))
	}
	return "static/" + name
}
