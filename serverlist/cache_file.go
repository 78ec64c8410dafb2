package serverlist

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
)

// beginning is how much of a stored document is read before it is known to be
// of use. Every head with its signatures is within it.
const beginning = 80 << 10

var _ [beginning - maxHead]struct{} // or this does not compile

// A storedFile is a document in a cache or a static folder. Its beginning has
// been read; the rest is read when it is wanted, from the same version of the
// file even if that has been replaced meanwhile. Of several megabytes that lose
// against others by their head nothing else is read.
type storedFile struct {
	begin []byte
	file  fs.File // nil: begin is all
	name  string
	size  int64 // as the file system says
	limit int64
}

// inMemory is a document that is there already.
func inMemory(data []byte) *storedFile { return &storedFile{begin: data} }

// checkFile refuses what a document cannot be. It is asked before a file is
// opened, because opening a named pipe waits for a writer, and after it.
func checkFile(info fs.FileInfo, name string, limit int64) error {
	if !info.Mode().IsRegular() || info.Size() > limit {
		return fmt.Errorf("%s is not a file of at most %d bytes", name, limit)
	}
	return nil
}

// openStored takes over a file of at most limit bytes and reads its beginning.
func openStored(file fs.File, name string, limit int64) (*storedFile, error) {
	s := &storedFile{file: file, name: name, limit: limit}
	if err := s.readBeginning(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *storedFile) readBeginning() error {
	info, err := s.file.Stat()
	if err == nil {
		err = checkFile(info, s.name, s.limit)
	}
	if err != nil {
		return err
	}
	s.size = info.Size()
	s.begin = make([]byte, min(s.size+1, beginning)) // one more than there is, to notice the end
	n, err := io.ReadFull(s.file, s.begin)
	s.begin = s.begin[:n]
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		s.close()
		err = nil
	}
	return err
}

// all returns the whole document; known itself if it is that, so that what is
// in memory is not read into it once more. Otherwise it belongs to the caller.
// It may be called once.
func (s *storedFile) all(known []byte) ([]byte, error) {
	if s.file == nil {
		if bytes.Equal(s.begin, known) {
			return known, nil
		}
		return bytes.Clone(s.begin), nil // a Cache of the caller's own may have given it
	}
	defer s.close()
	rest := io.MultiReader(bytes.NewReader(s.begin), s.file)
	buf := make([]byte, beginning)
	for same := 0; ; {
		n, err := rest.Read(buf)
		if !bytes.HasPrefix(known[same:], buf[:n]) {
			return s.readAll(io.MultiReader(bytes.NewReader(known[:same]), bytes.NewReader(buf[:n]), rest))
		}
		same += n
		switch err {
		case nil:
		case io.EOF:
			return known[:same:same], nil
		default:
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
}

func (s *storedFile) readAll(r io.Reader) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, 0, s.size+bytes.MinRead)) // room to notice the end without growing
	if _, err := buf.ReadFrom(io.LimitReader(r, s.limit+1)); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	if int64(buf.Len()) > s.limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", s.name, s.limit)
	}
	return buf.Bytes(), nil
}

func (s *storedFile) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}
