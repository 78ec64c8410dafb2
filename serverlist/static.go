package serverlist

import "io/fs"

// openStatic opens a document that the program was shipped with: at most limit
// bytes.
func openStatic(fsys fs.FS, name string, limit int64) (*storedFile, error) {
	if fsys == nil {
		return nil, fs.ErrNotExist
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

func staticName(name string) string { return "static/" + name }
