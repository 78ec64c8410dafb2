package serverlist

import (
	"fmt"
	"io"
	"io/fs"
)

// readStatic reads a document that the program was shipped with: at most limit
// bytes.
func readStatic(fsys fs.FS, name string, limit int64) ([]byte, error) {
	if fsys == nil {
		return nil, fs.ErrNotExist
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return data, nil
}

func staticName(name string) string { return "static/" + name }
