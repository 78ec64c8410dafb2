package git

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// GiveUpAfter returns a copy that bears less silence; see [publish.Impatient].
func (t Target) GiveUpAfter(silence time.Duration) publish.Target {
	t.Silence = publish.Shorter(t.Silence, defaultSilence, silence)
	t.first = silence
	return t
}

// tryRefs is where trials push to: no branch, so that no host shows or builds it.
const tryRefs = "refs/metaserver/try-"

// TryWrite tries whether documents can be written; see [publish.Trier]. No
// commit is made: the newest one is pushed under a name that is no branch, and
// the name removed. A rule of the host may be about such a name alone: then the
// error is [publish.ErrUntried]. For a branch that is not there yet a push is
// rehearsed, which shows whether the account may push.
func (t Target) TryWrite(ctx context.Context) error {
	t, err := t.complete()
	if err != nil {
		return err
	}
	r, err := newRepository(t)
	if err != nil {
		return err
	}
	s := &session{target: t, repo: r}
	return errors.Join(s.try(ctx), r.remove())
}

func (s *session) try(ctx context.Context) error {
	left, err := s.openTrial(ctx)
	switch {
	case err != nil:
		return err
	case s.tip == "":
		return s.rehearse(ctx)
	}
	ref := tryRefs + strings.ToLower(rand.Text()[:16])
	if err := s.pushTrial(ctx, append(left, s.tip+":"+ref)); err != nil {
		return err
	}
	return s.pushTrial(ctx, []string{":" + ref})
}

// openTrial fetches the newest commit alone. It returns what removes the names
// that interrupted trials have left.
func (s *session) openTrial(ctx context.Context) (left []string, err error) {
	refs, err := s.remoteRefs(ctx, tryRefs+"*")
	if err != nil {
		return nil, err
	}
	tip := refs[s.branchRef()]
	if err := s.initLike(ctx, tip); err != nil || tip == "" {
		return nil, err
	}
	for ref := range refs {
		if strings.HasPrefix(ref, tryRefs) {
			left = append(left, ":"+ref)
		}
	}
	return left, s.fetchCommits(ctx, "--filter=blob:none")
}

// rehearse pushes an empty commit, but for the last step.
func (s *session) rehearse(ctx context.Context) error {
	tree, err := s.repo.line(ctx, nil, "write-tree")
	if err != nil {
		return err
	}
	commit, err := s.repo.line(ctx, nil, "commit-tree", "-m", "Try to push", tree)
	if err != nil {
		return err
	}
	_, err = s.repo.talk(ctx, nil, "push", "--quiet", "--no-verify", "--dry-run", "origin", commit+":"+s.branchRef())
	return err
}

// pushTrial tells what is wrong with the host from a rule of its own. git calls
// a push rejected once the host has let the account in and has judged it.
func (s *session) pushTrial(ctx context.Context, refspecs []string) error {
	_, err := s.repo.talk(ctx, nil, append([]string{"push", "--quiet", "--no-verify", "origin"}, refspecs...)...)
	if err == nil || isOutage(err) || slices.ContainsFunc(cannotStore, func(sign string) bool { return strings.Contains(err.Error(), sign) }) {
		return err
	}
	return fmt.Errorf("the account may push, and the host refuses a trial beside the branch (%w); if a rule of the host is about all pushes, change it: %w", err, publish.ErrUntried)
}

// cannotStore are signs of a host that no push gets on with, whatever its name.
var cannotStore = []string{"ermission denied", "nsufficient permission", "ead-only file system", "No space left", "uota exceeded",
	"unpacker error", "failed to update ref", "cannot lock ref"}
