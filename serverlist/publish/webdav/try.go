package webdav

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/trial"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/web"
)

// GiveUpAfter returns a copy that bears less silence; see [publish.Impatient].
func (t Target) GiveUpAfter(silence time.Duration) publish.Target {
	t.Silence = publish.Shorter(t.Silence, web.DefaultSilence, silence)
	return t
}

// TryWrite tries whether documents can be written; see [publish.Trier]. The
// names of its files are those of this machine, so that the next trial replaces
// and removes what an interrupted one has left. Folders that were missing stay:
// to delete one here deletes what somebody else has put there meanwhile.
func (t Target) TryWrite(ctx context.Context) error {
	opened, err := t.Open(ctx)
	if err != nil {
		return err
	}
	s := opened.(*session)
	for _, folder := range trial.Folders {
		err = s.tryFolder(ctx, folder)
		if errors.Is(err, fs.ErrNotExist) { // the server was still busy with an earlier trial, which was cut off
			err = s.tryFolder(ctx, folder)
		}
		if err != nil {
			break
		}
	}
	return errors.Join(err, s.Close())
}

// tryFolder puts and moves a file as documents are. That it can be removed is
// tried and not asked for: documents are replaced and never removed.
func (s *session) tryFolder(ctx context.Context, folder string) error {
	if folder != "" {
		folder += "/"
	}
	temp, file := folder+"try"+s.suffix, folder+"tried"+s.suffix
	if err := s.put(ctx, temp, []byte(trial.Text)); err != nil {
		return fmt.Errorf("putting a trial file: %w", err)
	}
	err := s.move(ctx, temp, file)
	switch statusOf(err) {
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		file, err = temp, nil // documents are put under their own names, too
	}
	if err != nil {
		s.remove(ctx, temp)
		return fmt.Errorf("moving a trial file: %w", err)
	}
	defer s.remove(ctx, file)
	held, err := s.get(ctx, file)
	if err == nil {
		err = trial.ReadBack(held)
	}
	if err != nil {
		return fmt.Errorf("reading a trial file back: %w", err)
	}
	return nil
}
