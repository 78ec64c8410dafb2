package ftp

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/jlaffaye/ftp"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

type session struct {
	target   *Target
	network  *network // nil: to be made by the next operation
	conn     *ftp.ServerConn
	folder   string          // absolute
	entered  string          // the folder that names are relative to, absolute; "": not known
	prepared map[string]bool // folders that are there and hold nothing left over
	made     []string        // folders that were not there, the outermost first; absolute
	closed   bool
}

// do runs one operation. When the context ends, so do all connections: FTP has
// no other way to interrupt a transfer that every host understands.
func (s *session) do(ctx context.Context, run func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed {
		return errors.New("the FTP session has been closed")
	}
	if s.network == nil {
		if err := s.login(ctx); err != nil {
			s.network = nil
			return err
		}
	}
	s.network.ctx = ctx
	stop := context.AfterFunc(ctx, s.network.abort)
	defer stop()
	return s.outcome(ctx, sensible(run))
}

// sensible keeps answers on which the library panics from ending the program:
// it slices some lines without looking, as that to PWD with one quotation mark.
func sensible(run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the host's answer makes no sense (%v)", p)
		}
	}()
	return run()
}

// outcome turns what went wrong into what the operator should know.
func (s *session) outcome(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("the FTP session was interrupted: %w", ctx.Err())
	}
	if err = s.target.explain(err); err != nil && strings.Contains(err.Error(), "\n") {
		err = oneLine{err}
	}
	return err
}

// Read opens a document.
func (s *session) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := publish.CheckName(name); err != nil {
		return nil, err
	}
	var r *ftp.Response
	err := s.do(ctx, func() (err error) {
		r, err = s.retrieve(path.Join(s.folder, name))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &reader{session: s, r: r, ctx: ctx, stop: context.AfterFunc(ctx, s.network.abort)}, nil
}

// enter makes a folder the one that names are relative to. Names go to the host
// alone, without the folder before them: a command that was cut with the
// connection, and is carried out all the same, then stays in the folder.
func (s *session) enter(folder string) error {
	if s.entered == folder {
		return nil
	}
	err := s.conn.ChangeDir(folder)
	if err == nil {
		s.entered = folder
	}
	return err
}

// retrieve begins a download. A document that an interrupted run has moved
// aside is put back first.
func (s *session) retrieve(file string) (*ftp.Response, error) {
	folder, name := path.Dir(file), path.Base(file)
	if refused := s.enter(folder); refused != nil {
		// Asked once: hosts answer more slowly with each folder that is not there.
		if _, err := s.findWithout(folder, refused); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", file, fs.ErrNotExist)
	}
	r, err := s.conn.Retr(name)
	switch c := code(err); {
	case c == 500 || c == 502 || c == 504:
		return nil, fmt.Errorf("%w: the host does not permit what is needed to read a file in passive mode: ask for it, or publish to another host", err)
	case !mayBeAbsent(err):
		return r, err
	}
	refused := err
	found, err := s.find(file, refused)
	switch {
	case err != nil:
		return nil, err
	case found.there:
		return nil, fmt.Errorf("%s is there, and the host does not give it (%w): let the account read it, or remove it", file, refused)
	case !found.aside:
		return nil, fmt.Errorf("%s: %w", file, fs.ErrNotExist)
	}
	if err := s.conn.Rename(asideOf(name), name); err != nil {
		return nil, fmt.Errorf("an interrupted run has left %s aside as %s, and it cannot be renamed back: %w", file, asideOf(name), err)
	}
	return s.conn.Retr(name)
}

// A reader is a download under way. That a host closes the connection does not
// say that the file was complete; its answer does.
type reader struct {
	session *session
	r       *ftp.Response
	ctx     context.Context
	stop    func() bool
	ended   bool // all was read
	closed  bool
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	switch {
	case err == io.EOF:
		r.ended = true
	case err != nil:
		err = r.session.outcome(r.ctx, err)
	}
	return n, err
}

// Close returns an error if the host says that what was read is not all. Who
// stops early does not want to know; since hosts disagree about what they still
// answer then, and some hang up, the next operation has a login of its own.
func (r *reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	defer r.stop()
	if !r.ended {
		r.session.hangUp()
		return nil
	}
	return r.session.outcome(r.ctx, fine(r.r.Close()))
}

func (s *session) hangUp() {
	if s.network != nil {
		s.network.abort()
		s.network = nil
	}
}

// Write uploads under another name, checks what has arrived, and renames.
func (s *session) Write(ctx context.Context, name string, data []byte) error {
	if err := publish.CheckName(name); err != nil {
		return err
	}
	file := path.Join(s.folder, name)
	return s.do(ctx, func() error {
		if err := s.prepare(path.Dir(file)); err != nil {
			return err
		}
		temp := tempOf(path.Base(file))
		err := answered(fine(s.conn.Stor(temp, bytes.NewReader(data))))
		if err == nil {
			err = s.arrived(temp, data)
		}
		if err == nil {
			err = s.replace(temp, file)
		}
		if err != nil {
			_ = s.conn.Delete(temp) // gives the room back, if there is still a connection
			return writing(err)
		}
		return nil
	})
}

// Names that are no document's begin with partPrefix, because some hosts carry
// out a command whose line was cut with the connection: the beginning of a name
// must never be the name of a document.
const partPrefix = "part."

// tempOf returns a new name for the upload of a document.
func tempOf(name string) string { return partPrefix + rand.Text()[:16] + "." + name }

// asideOf returns the name under which a document waits while it is replaced on
// a host that cannot rename over a file.
func asideOf(name string) string { return partPrefix + "old." + name }

// leftOver matches what an interrupted run may leave in a folder: uploads, also
// with their names cut, and what was moved aside.
var leftOver = regexp.MustCompile(`^part\.([0-9A-Z]{1,16}(\.[a-z0-9.]*)?|old\.(server\.list|mirror\.list|[1-9][0-9]*\.trust))$`)

// prepare enters a folder, which is made if it is not there, and removes what
// interrupted runs have left in it.
func (s *session) prepare(folder string) error {
	if s.prepared[folder] {
		return writing(s.enter(folder))
	}
	if err := s.makeFolder(folder); err != nil {
		return writing(err)
	}
	s.prepared[folder] = true
	names, err := s.list()
	if err != nil {
		return keepNetwork(err) // a host that permits no listing keeps what is left over
	}
	for name := range names {
		m := leftOver.FindStringSubmatch(name)
		if m == nil || m[3] != "" && !names[m[3]] {
			continue // or it is the only copy there is
		}
		if err := keepNetwork(s.conn.Delete(name)); err != nil {
			return err
		}
	}
	return nil
}

// makeFolder makes a folder and those above it, and enters it.
func (s *session) makeFolder(folder string) error {
	err := s.enter(folder)
	if err == nil || folder == "/" || keepNetwork(err) != nil {
		return err
	}
	if err := s.makeFolder(path.Dir(folder)); err != nil {
		return err
	}
	made := s.conn.MakeDir(nameOf(folder))
	if keepNetwork(made) != nil {
		return made
	}
	if err := s.enter(folder); err != nil {
		return fmt.Errorf("making folder %s: %w", folder, errors.Join(made, err))
	}
	if fine(made) == nil {
		s.made = append(s.made, folder)
	}
	return nil
}

// arrived compares what the host holds with what was sent: by its size, or by
// reading it back where the host does not tell sizes.
func (s *session) arrived(temp string, data []byte) error {
	size, err := s.conn.FileSize(temp)
	if keepNetwork(err) != nil {
		return err
	}
	if err == nil && size == int64(len(data)) {
		return nil
	}
	r, err := s.conn.Retr(temp)
	if err != nil {
		return fmt.Errorf("reading the upload back: %w", err)
	}
	held, err := io.ReadAll(io.LimitReader(r, 2*int64(len(data))+1))
	if err := errors.Join(err, fine(r.Close())); err != nil {
		return fmt.Errorf("reading the upload back: %w", err)
	}
	if bytes.Equal(bytes.ReplaceAll(held, []byte("\r\n"), []byte("\n")), bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))) {
		return nil // documents survive that; publish.Set reports it
	}
	return fmt.Errorf("%d bytes were sent and the host holds %d (of size %d): it cut or changed them", len(data), len(held), size)
}

// replace renames the upload, in the folder that was entered. Where the host
// refuses to rename over a file, the file is moved aside first.
func (s *session) replace(temp, file string) error {
	name := path.Base(file)
	refused := s.conn.Rename(temp, name)
	if refused == nil || keepNetwork(refused) != nil {
		return refused
	}
	refused = fmt.Errorf("renaming the upload to %s: %w", name, refused)
	if found, err := s.find(file, refused); err != nil || !found.there {
		return refused
	}
	aside := asideOf(name)
	if err := keepNetwork(s.conn.Delete(aside)); err != nil {
		return err
	}
	if err := s.conn.Rename(name, aside); err != nil {
		return errors.Join(refused, keepNetwork(err))
	}
	if err := s.conn.Rename(temp, name); err != nil {
		return errors.Join(refused, err, s.conn.Rename(aside, name))
	}
	return keepNetwork(s.conn.Delete(aside)) // if it cannot be removed, the next run tries
}

// Close says goodbye. What Write has reported is in place by then, so that
// nothing can be lost.
func (s *session) Close() error {
	if s.network != nil && !s.network.isAborted() {
		_ = s.conn.Quit()
	}
	s.hangUp()
	s.closed = true
	return nil
}
