package serverlist

import (
	"path/filepath"

	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// An aheadFile is a document that is being written into a cache before it is
// known to be stored: under a temporary name, without a lock, and beside what
// else the program does. Writing and flushing several megabytes takes as long as
// reading their entries; so both happen at the same time. End it with drop.
type aheadFile struct {
	data []byte
	done chan struct{}
	file *durable.File // after done; on the disk in full
	err  error         // after done
}

// writeAhead begins to write a document, which must have been verified.
func (d dirCache) writeAhead(name string, data []byte) *aheadFile {
	a := &aheadFile{data: data, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		path, err := d.path(name)
		if err == nil {
			err = durable.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err == nil {
			a.file, err = writeSynced(path, data)
		}
		a.err = err
	}()
	return a
}

// wait returns the file once it is on the disk.
func (a *aheadFile) wait() (*durable.File, error) {
	<-a.done
	return a.file, a.err
}

// drop removes the file unless it has been put in place.
func (a *aheadFile) drop() {
	if f, err := a.wait(); err == nil {
		f.Abort()
	}
}

// isOf tells whether a list was read from these very bytes.
func (a *aheadFile) isOf(l *List) bool {
	return len(a.data) > 0 && len(l.data) > 0 && &a.data[0] == &l.data[0]
}

// writeSynced writes a new version of a file and flushes it, but does not put it
// in place.
func writeSynced(path string, data []byte) (*durable.File, error) {
	f, err := durable.Create(path, 0o644)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(data); err != nil {
		f.Abort()
		return nil, err
	}
	if err := f.Sync(); err != nil {
		f.Abort()
		return nil, err
	}
	return f, nil
}
