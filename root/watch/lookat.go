package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// LookAt looks at the URLs of a mirror that is not in the list yet, as a round
// looks at those that are, and stores nothing. Unlike there all URLs count: its
// state is that of the first that is ill, if any is. The error is about the root
// itself, which has published nothing to compare with, or about ctx.
func (w *Watcher) LookAt(ctx context.Context, urls []string) (store.MirrorCheck, error) {
	listed, err := w.cfg.Store.WatchedMirrors(ctx)
	if err != nil {
		return store.MirrorCheck{}, err
	}
	v, err := w.look.view(w.cfg.Published, w.places(listed))
	if err != nil {
		return store.MirrorCheck{}, fmt.Errorf("what the root itself has published cannot be read: %w", err)
	}
	m := store.WatchedMirror{Mirror: serverlist.Mirror{URLs: urls}}
	seen := w.look.mirrorStrictly(ctx, v, &m)
	if err := context.Cause(ctx); err != nil {
		return store.MirrorCheck{}, err
	}
	return seen, nil
}

func (l *looker) mirrorStrictly(ctx context.Context, v *view, m *store.WatchedMirror) store.MirrorCheck {
	began := l.cfg.Now()
	f := l.fetcher(m.Mirror.URLs)
	defer f.CloseIdleConnections()
	ctx = v.guard(ctx, m)
	var all, ill []found
	for _, u := range m.Mirror.URLs {
		ctx, cancel := context.WithTimeout(ctx, l.cfg.LookTime)
		one := l.url(ctx, v, f, u)
		cancel()
		if all = append(all, one); one.state.Ill() {
			ill = append(ill, one)
		}
	}
	if len(ill) > 0 {
		all = ill
	}
	c := combine(all).check
	c.At, c.Took = began.UTC().Truncate(time.Second), l.cfg.Now().Sub(began).Truncate(time.Millisecond)
	return c
}
