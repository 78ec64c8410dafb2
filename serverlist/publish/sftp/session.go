package sftp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/filetype"
)

const (
	fileMode   = 0o644 // a web server runs as another user
	folderMode = 0o755

	readSize  = 256 << 10 // bytes asked for at a time, in requests side by side
	writeRate = 8 << 10   // bytes per second that a server must take at least
)

// A session is a connection that is logged in.
type session struct {
	target     Target // completed
	link       *link
	ssh        *ssh.Client
	client     *sftp.Client
	background sync.WaitGroup
	cleaned    map[string]bool // folders without temporary files of others
	made       []string        // folders that were not there, the outermost first
}

// Close ends the session. Every write was acknowledged before.
func (s *session) Close() error {
	s.link.Close() // first, so that nothing below waits for the server
	if s.client != nil {
		s.client.Close()
	}
	if s.ssh != nil {
		s.ssh.Close()
	}
	s.background.Wait()
	return nil
}

// locate returns the path of a document on the server.
func (s *session) locate(name string) (string, error) {
	if err := publish.CheckName(name); err != nil {
		return "", err
	}
	return path.Join(s.target.Folder, name), nil
}

// request runs an operation within the time for one, and explains its error.
func (s *session) request(ctx context.Context, what, file string, operation func() error) error {
	return s.explain(ctx, what, file, s.do(ctx, s.target.Timeout, operation))
}

// Read opens a document. Links are refused: writing would replace the link,
// and reading could show a file that is not published.
func (s *session) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	file, err := s.locate(name)
	if err != nil {
		return nil, err
	}
	r := &reader{session: s, ctx: ctx, path: file}
	err = s.request(ctx, "reading", file, func() error {
		info, err := s.client.Lstat(file)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("it is not a file (%s): remove it, it is created again", filetype.Name(info.Mode()))
		}
		r.size = info.Size()
		r.file, err = s.client.Open(file)
		return err
	})
	if err != nil {
		return nil, err
	}
	r.buffer = bufio.NewReaderSize(readerFunc(r.fill), readSize)
	return r, nil
}

// A reader reads a file in large pieces, because each costs a round trip.
type reader struct {
	session *session
	ctx     context.Context
	path    string
	file    *sftp.File
	buffer  *bufio.Reader
	size    int64 // as the server said; 0 if it did not
	offset  int64
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (r *reader) Read(p []byte) (int, error) { return r.buffer.Read(p) }

// fill reads the next piece. Some servers answer with less than was asked for,
// which the library reports as the end: only an empty answer is one, and not
// before the size that the server has told.
func (r *reader) fill(p []byte) (n int, err error) {
	err = r.session.request(r.ctx, "reading", r.path, func() (err error) {
		n, err = r.file.ReadAt(p[:min(len(p), readSize)], r.offset)
		if err == io.EOF && (n > 0 || r.offset >= r.size) {
			return nil
		}
		if err == io.EOF {
			return fmt.Errorf("it ended after %d of %d bytes: %w", r.offset, r.size, io.ErrUnexpectedEOF)
		}
		return err
	})
	r.offset += int64(n)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (r *reader) Close() error {
	return r.session.request(r.ctx, "reading", r.path, r.file.Close)
}

// Write replaces a document.
func (s *session) Write(ctx context.Context, name string, data []byte) error {
	file, err := s.locate(name)
	if err != nil {
		return err
	}
	s.clean(ctx, path.Dir(file))
	temporary := temporaryName(file, data)
	if err := s.upload(ctx, temporary, data); err != nil {
		s.discard(ctx, temporary)
		return err
	}
	return s.request(ctx, "replacing", file, func() error { return s.replace(temporary, file) })
}

// upload writes a temporary file, with the folder it needs, and makes it
// durable and readable for the web server.
func (s *session) upload(ctx context.Context, temporary string, data []byte) error {
	file, err := s.create(ctx, temporary)
	if err != nil {
		return err
	}
	limit := s.target.Timeout + time.Duration(len(data)/writeRate)*time.Second
	err = s.do(ctx, limit, func() error { return fillFile(s.client, file, data) })
	closing := s.do(ctx, s.target.Timeout, file.Close)
	return s.explain(ctx, "writing", temporary, errors.Join(err, closing))
}

// create opens a temporary file, perhaps one that a killed run has left. It
// is not emptied: another program may be writing the same bytes to it.
func (s *session) create(ctx context.Context, temporary string) (file *sftp.File, err error) {
	open := func() (err error) {
		file, err = s.client.OpenFile(temporary, writeOnly)
		return err
	}
	err = s.do(ctx, s.target.Timeout, open)
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.makeFolder(ctx, path.Dir(temporary)); err != nil {
			return nil, err
		}
		err = s.do(ctx, s.target.Timeout, open)
	}
	return file, s.explain(ctx, "creating", temporary, err)
}

// fillFile brings a file to exactly these bytes.
func fillFile(client *sftp.Client, file *sftp.File, data []byte) error {
	if _, err := file.WriteAt(data, 0); err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && info.Size() != int64(len(data)) {
		if err = file.Truncate(int64(len(data))); err == nil {
			info, err = file.Stat()
		}
	}
	if err != nil {
		return err
	}
	if info.Size() != int64(len(data)) {
		return fmt.Errorf("the server has taken %d of %d bytes", info.Size(), len(data))
	}
	if err := allowReaders(file, info); err != nil {
		return err
	}
	if _, can := client.HasExtension("fsync@openssh.com"); can {
		return file.Sync()
	}
	return nil
}

// allowReaders makes a file readable for the web server, whatever the umask
// of the account is. Where there are no modes there is nothing to do.
func allowReaders(file *sftp.File, info fs.FileInfo) error {
	if info.Mode().Perm() == fileMode {
		return nil
	}
	err := file.Chmod(fileMode)
	if err == nil || isUnsupported(err) || info.Mode().Perm()&0o444 == 0o444 {
		return nil
	}
	return fmt.Errorf("making it readable for the web server (mode 0644): %w", err)
}

// replace puts a temporary file in the place of a document.
func (s *session) replace(temporary, file string) error {
	if _, can := s.client.HasExtension("posix-rename@openssh.com"); can {
		return s.client.PosixRename(temporary, file)
	}
	refusal := s.client.Rename(temporary, file)
	if refusal == nil {
		return nil
	}
	if info, err := s.client.Lstat(file); err != nil || !info.Mode().IsRegular() {
		return refusal // it was not for the old document
	}
	if _, err := s.client.Lstat(temporary); err != nil {
		return errors.Join(refusal, err) // keep the old document when there is no new one
	}
	if err := s.client.Remove(file); err != nil {
		return err
	}
	return s.client.Rename(temporary, file)
}

// makeFolder creates a folder and those above it.
func (s *session) makeFolder(ctx context.Context, folder string) error {
	info, err := s.stat(ctx, folder)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("%s is not a folder (%s): remove it, it is created again", folder, filetype.Name(info.Mode()))
	case !errors.Is(err, fs.ErrNotExist):
		return s.explain(ctx, "looking at folder", folder, err)
	}
	if parent := path.Dir(folder); parent != folder && parent != "." {
		if err := s.makeFolder(ctx, parent); err != nil {
			return err
		}
	}
	err = s.do(ctx, s.target.Timeout, func() error {
		if err := s.client.Mkdir(folder); err != nil {
			return err
		}
		s.made = append(s.made, folder)
		if err := s.client.Chmod(folder, folderMode); err != nil && !isUnsupported(err) {
			return err
		}
		return nil
	})
	if err != nil {
		if info, statErr := s.stat(ctx, folder); statErr == nil && info.IsDir() {
			return nil // another program was faster
		}
		if s.isLink(ctx, folder) {
			return fmt.Errorf("%s on the server is a symbolic link to something that is not there (a disk that is not mounted?)", folder)
		}
	}
	return s.explain(ctx, "creating folder", folder, err)
}

func (s *session) stat(ctx context.Context, file string) (info fs.FileInfo, err error) {
	err = s.do(ctx, s.target.Timeout, func() (err error) {
		info, err = s.client.Stat(file)
		return err
	})
	return info, err
}

func (s *session) isLink(ctx context.Context, file string) (is bool) {
	_ = s.do(ctx, s.target.Timeout, func() error {
		info, err := s.client.Lstat(file)
		is = err == nil && info.Mode()&fs.ModeSymlink != 0
		return err
	})
	return is
}
