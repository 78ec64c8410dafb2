package ftp

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/trial"
)

// GiveUpAfter returns a copy with shorter timeouts; see [publish.Impatient].
func (t *Target) GiveUpAfter(silence time.Duration) publish.Target {
	hasty := *t
	hasty.ConnectTimeout = publish.Shorter(t.ConnectTimeout, DefaultConnectTimeout, silence)
	hasty.IdleTimeout = publish.Shorter(t.IdleTimeout, DefaultIdleTimeout, silence)
	return &hasty
}

// TryWrite tries whether documents can be written; see [publish.Trier]. Of what
// was left behind it removes what no run that is under way can be using.
func (t *Target) TryWrite(ctx context.Context) error {
	opened, err := t.Open(ctx)
	if err != nil {
		return err
	}
	s := opened.(*session)
	err = s.do(ctx, s.tryFolders)
	return errors.Join(err, s.Close())
}

func (s *session) tryFolders() (err error) {
	for _, name := range trial.Folders {
		if err = s.tryFolder(path.Join(s.folder, name)); err != nil {
			break
		}
	}
	for i := len(s.made) - 1; i >= 0; i-- {
		if s.enter(path.Dir(s.made[i])) == nil {
			_ = s.conn.RemoveDir(nameOf(s.made[i])) // fails if somebody else uses it
		}
	}
	return err
}

// inUse matches the names that an upload to this folder may have just now. A cut
// name is in use by nobody.
var inUse = regexp.MustCompile(`^part\.([0-9A-Z]{16}|old)\.(server\.list|mirror\.list|[1-9][0-9]*\.trust)$`)

// sweepUnused removes what interrupted trials have left in the folder that was
// entered. Trials at the same time may fail each other.
func (s *session) sweepUnused() error {
	names, err := s.list()
	if err != nil {
		return keepNetwork(err)
	}
	for name := range names {
		if !leftOver.MatchString(name) || inUse.MatchString(name) {
			continue
		}
		if err := keepNetwork(s.conn.Delete(name)); err != nil {
			return err
		}
	}
	return nil
}

// tryFolder uploads and renames a file as documents are, under names that the
// next run removes.
func (s *session) tryFolder(folder string) error {
	if err := s.makeFolder(folder); err != nil {
		return writing(err)
	}
	if err := s.sweepUnused(); err != nil {
		return err
	}
	temp, file := tempOf("try"), tempOf("try")
	err := answered(fine(s.conn.Stor(temp, strings.NewReader(trial.Text))))
	if err == nil {
		err = s.arrived(temp, []byte(trial.Text))
	}
	if err != nil {
		_ = s.conn.Delete(temp)
		return writing(fmt.Errorf("a trial file in %s: %w", folder, err))
	}
	if err := s.conn.Rename(temp, file); err != nil {
		removing := keepNetwork(s.conn.Delete(temp))
		return writing(errors.Join(fmt.Errorf("renaming a trial file in %s: %w", folder, err), removing))
	}
	held, err := s.conn.Retr(file)
	if err == nil {
		err = trial.ReadBack(held)
	}
	if err := fine(err); err != nil {
		_ = s.conn.Delete(file)
		return fmt.Errorf("reading a trial file in %s back: %w", folder, err)
	}
	if err := fine(s.conn.Delete(file)); err != nil {
		return fmt.Errorf("removing the trial file %s: %w; remove it, and let the account delete files: what an interrupted run leaves behind would stay for ever", path.Join(folder, file), err)
	}
	return nil
}
