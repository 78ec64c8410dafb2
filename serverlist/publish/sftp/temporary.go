package sftp

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"time"
)

const (
	staleTemp   = time.Hour // a younger temporary file may be in use
	listingSize = 4 << 20   // bytes of a folder's listing that are looked at, some 30,000 names

	writeOnly = os.O_WRONLY | os.O_CREATE
)

var temporaryPattern = regexp.MustCompile(`^\.(server\.list|mirror\.list|[0-9]+\.trust|try)\.[0-9a-f]{16}\.part$`)

// temporaryName returns the name under which these bytes are sent. Whoever
// sends the same bytes uses the same file, and writes nothing else to it.
func temporaryName(file string, data []byte) string {
	hash := sha256.Sum256(data)
	return path.Join(path.Dir(file), fmt.Sprintf(".%s.%x.part", path.Base(file), hash[:8]))
}

// clean removes temporary files that killed runs have left, once in each
// folder, before more is written: the space may be scarce. It is no reason to
// fail if that does not work.
func (s *session) clean(ctx context.Context, folder string) {
	if s.cleaned[folder] {
		return
	}
	if s.cleaned == nil {
		s.cleaned = map[string]bool{}
	}
	s.cleaned[folder] = true
	for _, info := range s.list(ctx, folder) {
		if temporaryPattern.MatchString(info.Name()) && time.Since(info.ModTime()) > staleTemp {
			s.discard(ctx, path.Join(folder, info.Name()))
		}
	}
}

// list returns what is in a folder, or a part of that if it is very much.
func (s *session) list(ctx context.Context, folder string) (entries []fs.FileInfo) {
	listing, cancel := context.WithCancel(ctx)
	defer cancel()
	b := &budget{callOff: cancel}
	b.left.Store(listingSize)
	s.link.budget.Store(b)
	defer s.link.budget.Store(nil)
	_ = s.do(ctx, s.target.Timeout, func() (err error) {
		entries, err = s.client.ReadDirContext(listing, folder)
		return err
	})
	return entries
}

// discard removes a temporary file if it can.
func (s *session) discard(ctx context.Context, temporary string) {
	_ = s.do(ctx, s.target.Timeout, func() error { return s.client.Remove(temporary) })
}
