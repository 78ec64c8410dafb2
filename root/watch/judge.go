package watch

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

// A round is what was decided after a look at the mirrors.
type round struct {
	seen     []store.Seen
	own      []store.Message // about the root itself
	listed   int
	ill      int // of those that are listed
	suspects bool
	proven   bool
}

// judge decides about all mirrors, or about the new ones while there are others
// in the list. The order of all and looks is the same.
func (w *Watcher) judge(all []store.WatchedMirror, looks []look, fresh bool, others int) round {
	now := w.cfg.Now().UTC().Truncate(time.Second)
	r := round{}
	r.listed = countListed(all)
	for i, m := range all {
		if m.Watch.LeftOut.IsZero() && holdable(looks[i].check.State) {
			r.ill++
		}
	}
	r.proven = proven(all, looks)
	r.suspects = r.ill > 1 && r.ill*2 > r.listed && !fresh && !r.proven
	if r.suspects {
		r.own = w.suspect(r, now)
	}
	left := r.listed + others
	for i := range all {
		seen := w.judgeOne(&all[i], looks[i], now, r.suspects, &left)
		r.seen = append(r.seen, seen)
	}
	return r
}

// holdable tells whether a state may be the fault of the root's own network.
func holdable(s store.MirrorState) bool { return s.Ill() && s != store.MirrorForked }

// proven tells whether a listed mirror proves that the root's network works and
// that its editions reach mirrors: then those that are ill are ill, however
// many. One at a private address proves nothing about others on the Internet.
func proven(all []store.WatchedMirror, looks []look) bool {
	near, far, farIll := false, false, false
	for i, m := range all {
		c := looks[i].check
		switch private := AtPrivateAddress(m.Mirror.URLs); {
		case !m.Watch.LeftOut.IsZero():
		case c.State == store.MirrorWell && private:
			near = true
		case c.State == store.MirrorWell:
			far = true
		case holdable(c.State) && !private:
			farIll = true
		}
	}
	return far || near && !farIll
}

// AtPrivateAddress tells whether a URL of a mirror is written as a private
// address, which is looked at only where an admin has named it.
func AtPrivateAddress(urls []string) bool {
	return slices.ContainsFunc(urls, func(raw string) bool {
		u, err := url.Parse(raw)
		return err == nil && isPrivate(u.Hostname())
	})
}

// judgeOne decides about one mirror. idle: nothing is held against anybody in
// this round. left is how many mirrors the list would still have.
func (w *Watcher) judgeOne(m *store.WatchedMirror, l look, now time.Time, idle bool, left *int) store.Seen {
	seen := store.Seen{Mirror: m.Mirror.ID, Change: m.Change, Check: l.check, Evidence: l.evidence}
	seen.Watch = w.cfg.Policy.next(m.Watch, l.check.State, now)
	if idle && holdable(l.check.State) {
		seen.Watch = m.Watch
		seen.Watch.Checked = now
	}
	out := m.Watch.LeftOut.IsZero() && !seen.Watch.LeftOut.IsZero()
	if out && *left == 1 && !w.cfg.RootEntry {
		w.cfg.Log.Error("the last mirror would be left out, and the list has no entry of the root: it stays", "mirror", m.Mirror.ID, "err", l.check.Error)
		seen.Watch.LeftOut, seen.Watch.Drops = m.Watch.LeftOut, m.Watch.Drops
		out = false
	}
	if out {
		*left--
	}
	for _, e := range w.events(m, seen, out, now) {
		w.tell(e, &seen)
	}
	return seen
}

// events returns what has happened to a mirror.
func (w *Watcher) events(m *store.WatchedMirror, seen store.Seen, out bool, now time.Time) []Event {
	e := Event{At: now, Mirror: *m, Watch: seen.Watch, Check: seen.Check}
	var all []Event
	add := func(k Kind, format string, args ...any) {
		e.Kind, e.Detail = k, fmt.Sprintf(format, args...)
		all = append(all, e)
	}
	if seen.Watch.State == store.MirrorForked && m.Watch.State != store.MirrorForked {
		add(Forked, "mirror %s serves a document that is signed and that this root has never published under that number: a signing key is in two hands, or this root was restored from a backup. Both heads are kept (admin mirrors show %s)", m.Mirror.ID, m.Mirror.ID)
	}
	switch {
	case out:
		add(LeftOut, "mirror %s is left out of the mirror list: %s", m.Mirror.ID, seen.Check.Error)
	case !m.Watch.LeftOut.IsZero() && seen.Watch.LeftOut.IsZero():
		add(TakenIn, "mirror %s is well again and back in the mirror list", m.Mirror.ID)
	case w.cfg.Policy.warns(m.Watch, seen.Watch):
		add(Warned, "%s", warning(m.Mirror.ID, seen))
	}
	return all
}

func warning(id string, seen store.Seen) string {
	problem := seen.Check.Error
	if problem == "" {
		problem = "it comes and goes"
	}
	if seen.Watch.State == store.MirrorIncomplete {
		return fmt.Sprintf("mirror %s has lacked a trust document since %s: %s", id, seen.Watch.Since.Format(time.RFC3339), problem)
	}
	return fmt.Sprintf("mirror %s has been ill for %s: %s", id, seen.Watch.IllFor, problem)
}

func (w *Watcher) tell(e Event, seen *store.Seen) {
	if e.Kind == TakenIn {
		w.cfg.Log.Info(e.Detail)
	} else {
		w.cfg.Log.Warn(e.Detail)
	}
	seen.Messages = append(seen.Messages, w.cfg.Tell(e)...)
}

// suspect says that the root may be to blame, once until it is over.
func (w *Watcher) suspect(r round, now time.Time) []store.Message {
	detail := fmt.Sprintf("%d of the %d listed mirrors are ill at once: that looks like the root's own network, or like its editions not reaching them; "+
		"nobody is left out because of this. Is this machine connected, and can mirrors reach its public URL?", r.ill, r.listed)
	if w.State().Suspects {
		return nil
	}
	w.cfg.Log.Warn(detail)
	return w.cfg.Tell(Event{Kind: Suspects, At: now, Detail: detail})
}
