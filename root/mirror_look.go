package root

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/watch"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Limits of the looks at mirrors that are not in the list yet.
const (
	lookTime    = 40 * time.Second // at one before it is listed
	glanceTime  = 10 * time.Second // at those that wait
	glances     = 16               // in one answer
	glanceAgain = 10 * time.Minute
)

// checkMirror refuses to list a mirror where clients would find nothing: the
// list that names it is signed and reaches all of them.
func (s *server) checkMirror(ctx context.Context, urls []string) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	seen, err := s.watcher.LookAt(ctx, urls)
	if err != nil {
		return problem(http.StatusServiceUnavailable, "Nothing was changed: the root could not look at the mirror: %v. "+
			"The member \"unchecked\" (the flag --unchecked) lists it all the same.", err)
	}
	if !seen.State.Ill() {
		return nil
	}
	p := problem(http.StatusUnprocessableEntity, "Clients would find no list of this root there (%s), so it is not listed. "+
		"Publish to it first, as by \"metaserver mirror once\"; the member \"unchecked\" (the flag --unchecked) lists it all the same.", seen.State)
	p.Errors = []api.FieldProblem{{Field: "urls", Problem: seen.Error}}
	return p
}

// clashes tells whether the store will refuse a mirror whatever it serves, which
// says more than a look. may is the id of a listed mirror that it may replace.
func (s *server) clashes(ctx context.Context, m serverlist.Mirror, may string) (bool, error) {
	all, err := s.store.WatchedMirrors(ctx)
	if err != nil {
		return false, err
	}
	place := make(map[string]bool)
	for _, u := range m.URLs {
		place[store.NormalURL(u)] = true
	}
	return slices.ContainsFunc(all, func(other store.WatchedMirror) bool {
		if other.Mirror.ID == m.ID {
			return other.Mirror.ID != may
		}
		return slices.ContainsFunc(other.Mirror.URLs, func(u string) bool { return place[store.NormalURL(u)] })
	}), nil
}

// checkRequest looks at the mirror of a request before it is listed, and
// returns the revision that it has looked at.
func (s *server) checkRequest(ctx context.Context, id string, req api.MirrorApproval) (revision int, err error) {
	if req.Unchecked {
		return req.Revision, nil
	}
	r, err := s.store.ReviewMirror(ctx, id)
	if err != nil || r.Status != store.Pending || req.Revision != 0 && req.Revision != r.Revision {
		return req.Revision, err // the store says why
	}
	may := r.Entry
	if req.Mirror != "" {
		r.Mirror.ID = req.Mirror
	}
	if req.Replace {
		may = r.Mirror.ID
	}
	if clash, err := s.clashes(ctx, r.Mirror, may); err != nil || clash {
		return req.Revision, err
	}
	return r.Revision, s.checkMirror(ctx, r.Mirror.URLs)
}

// A glancer remembers what was seen of the mirrors that wait for a decision.
// Requests come from anybody: it looks at few of them, when an admin asks, and at
// none that is written as a private address.
type glancer struct {
	mu   sync.Mutex
	seen map[glanced]store.MirrorCheck
}

// glanced is what a request said when it was looked at.
type glanced struct {
	id       string
	revision int
}

// look looks at those of the requests that nobody has looked at lately, the
// oldest first.
func (g *glancer) look(ctx context.Context, s *server, requests []store.MirrorReview) {
	ctx, cancel := context.WithTimeout(ctx, glanceTime)
	defer cancel()
	now := s.cfg.Now()
	var work errgroup.Group
	work.SetLimit(8)
	for n := 0; len(requests) > 0 && n < glances; requests = requests[1:] {
		r := requests[0]
		if r.Status != store.Pending || watch.AtPrivateAddress(r.Mirror.URLs) && !s.cfg.AllowPrivate {
			continue
		}
		if last, ok := g.of(r); ok && now.Sub(last.At) < glanceAgain {
			continue
		}
		n++
		work.Go(func() error {
			if c, err := s.watcher.LookAt(ctx, r.Mirror.URLs); err == nil {
				g.remember(r, c)
			}
			return nil
		})
	}
	work.Wait()
}

func (g *glancer) of(r store.MirrorReview) (store.MirrorCheck, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, ok := g.seen[glanced{r.ID, r.Revision}]
	return c, ok
}

func (g *glancer) remember(r store.MirrorReview, c store.MirrorCheck) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen == nil || len(g.seen) >= 1000 {
		g.seen = make(map[glanced]store.MirrorCheck)
	}
	g.seen[glanced{r.ID, r.Revision}] = c
}

// shownMirror is a request with what was seen of its mirror, and the block that it
// would run into today.
func (s *server) shownMirror(r store.MirrorReview) api.MirrorRegistration {
	out := mirrorReviewOf(r)
	out.Block = s.blockOfMirror(&r.MirrorRegistration)
	if c, ok := s.glances.of(r); ok && r.Status == store.Pending {
		look := checkOf(c)
		out.Look = &look
	}
	return out
}

// errEnough ends the reading of a queue.
var errEnough = errors.New("enough")

// glanceAtOldest looks at the mirrors that have waited longest.
func (s *server) glanceAtOldest(ctx context.Context) error {
	var oldest []store.MirrorReview
	err := s.store.PendingMirrors(ctx, func(r store.MirrorReview) error {
		if oldest = append(oldest, r); len(oldest) == 4*glances {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	s.glances.look(ctx, s, oldest)
	return nil
}
