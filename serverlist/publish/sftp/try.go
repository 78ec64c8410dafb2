package sftp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/trial"
)

// GiveUpAfter returns a copy with a shorter timeout; see [publish.Impatient].
func (t Target) GiveUpAfter(silence time.Duration) publish.Target {
	t.Timeout = publish.Shorter(t.Timeout, defaultTimeout, silence)
	return t
}

// TryWrite tries whether documents can be written; see [publish.Trier].
func (t Target) TryWrite(ctx context.Context) error {
	opened, err := t.Open(ctx)
	if err != nil {
		return err
	}
	s := opened.(*session)
	for _, name := range trial.Folders {
		folder := path.Join(s.target.Folder, name)
		s.clean(ctx, folder)
		if err = s.tryFolder(ctx, folder); err != nil {
			break
		}
	}
	for i := len(s.made) - 1; i >= 0; i-- {
		_ = s.do(ctx, s.target.Timeout, func() error { return s.client.RemoveDirectory(s.made[i]) }) // fails if somebody else uses it
	}
	return errors.Join(err, s.Close())
}

// tryFolder writes a file as documents are written, under names that clean
// knows.
func (s *session) tryFolder(ctx context.Context, folder string) error {
	temporary, file := trialName(folder), trialName(folder)
	if err := s.upload(ctx, temporary, []byte(trial.Text)); err != nil {
		s.discard(ctx, temporary)
		return err
	}
	if err := s.request(ctx, "renaming", temporary, func() error { return s.replace(temporary, file) }); err != nil {
		s.discard(ctx, temporary)
		return err
	}
	reading := s.request(ctx, "reading", file, func() error {
		held, err := s.client.Open(file)
		if err != nil {
			return err
		}
		return trial.ReadBack(held)
	})
	removing := s.request(ctx, "removing", file, func() error { return s.client.Remove(file) })
	if removing != nil {
		removing = fmt.Errorf("%w; remove it: what an interrupted run leaves behind would stay for ever as well", removing)
	}
	return errors.Join(reading, removing)
}

// trialName returns a new temporary name.
func trialName(folder string) string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return path.Join(folder, fmt.Sprintf(".try.%x.part", random))
}
