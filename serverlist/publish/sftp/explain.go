package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"

	"github.com/pkg/sftp"
)

// explain adds what an operator needs to the error of an operation. What is
// not there stays fs.ErrNotExist, and nothing else becomes that.
func (s *session) explain(ctx context.Context, what, file string, err error) error {
	if err == nil {
		return nil
	}
	if lost := s.link.lost(); lost != nil && isLost(err) {
		return fmt.Errorf("%s %s: the connection to %s was lost: %w (%v)", what, file, s.target.Address, lost, err)
	}
	wrapped := fmt.Errorf("%s %s: %w", what, file, err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return wrapped
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: user %q may not do that on the server; %s", wrapped, s.target.User, s.whereabouts(ctx))
	case isFailure(err):
		return fmt.Errorf("%w: the server gives no reason; %s", wrapped, s.space(ctx, path.Dir(file)))
	}
	return wrapped
}

// isLost tells whether an operation failed because there is no connection.
func isLost(err error) bool {
	var status *sftp.StatusError
	return !errors.As(err, &status) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission)
}

func isFailure(err error) bool {
	var status *sftp.StatusError
	return errors.As(err, &status) && status.FxCode() == sftp.ErrSSHFxFailure
}

func isUnsupported(err error) bool {
	var status *sftp.StatusError
	return errors.As(err, &status) && status.FxCode() == sftp.ErrSSHFxOpUnsupported
}

// whereabouts tells how the server's paths are meant: many servers show an
// account a part of their file system only.
func (s *session) whereabouts(ctx context.Context) string {
	remedy := fmt.Sprintf("give it the right to write to the folder, or name the folder as the server shows it (look with: sftp -P %s %s@%s)",
		portOf(s.target.Address), s.target.User, hostOf(s.target.Address))
	var home string
	err := s.do(ctx, s.target.Timeout, func() (err error) {
		home, err = s.client.Getwd()
		return err
	})
	if err == nil {
		return fmt.Sprintf("a login starts in %s there, and / may be a part of the server's disk only: %s", home, remedy)
	}
	return remedy
}

// space tells whether there is room, where the server can be asked.
func (s *session) space(ctx context.Context, folder string) string {
	const untouched = "what was published before is untouched"
	var disk *sftp.StatVFS
	err := s.do(ctx, s.target.Timeout, func() (err error) {
		disk, err = s.client.StatVFS(folder)
		return err
	})
	switch {
	case err != nil || disk == nil: // nil: a server said "well" and nothing else
		return "often the disk is full or the quota used up, or something else stands in the place of the file; " + untouched
	case disk.FreeSpace() < 1<<20 || disk.Favail == 0 && disk.Files > 0:
		return fmt.Sprintf("the disk is full (%d KiB are free); %s", disk.FreeSpace()>>10, untouched)
	default:
		return fmt.Sprintf("the disk has %d MiB free, but the account's quota may be used up, or something else stands in the place of the file; %s", disk.FreeSpace()>>20, untouched)
	}
}

// hostOf and portOf take a completed address apart.
func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
