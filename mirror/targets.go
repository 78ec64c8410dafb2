package mirror

import (
	"context"
	"sync"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

const (
	targetTimeout = 15 * time.Minute // for one visit to a target, waiting for its lock included
	lateTarget    = 20 * time.Second // after the first target was read, for the others; then the run goes on without them
)

// readTargets learns what is published, of all targets at once. A target that
// cannot be read says so when its turn to publish comes. One that takes long is
// left, late after the first was read (0: it is not): it is read again before
// anything is replaced there.
func (r *run) readTargets(ctx context.Context, late time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, targetTimeout)
	answers := make(chan func(), len(r.m.cfg.Targets))
	chain := r.chain // a late reading may outlast the change of it
	for i, t := range r.m.cfg.Targets {
		r.unread[i] = "it did not answer in time"
		r.visits.Go(func() {
			h, err := publish.ReadBack(ctx, t.Target, chain)
			if err != nil {
				r.m.cfg.Log.Debug("target cannot be read", "target", t.String(), "error", err)
			}
			answers <- func() {
				if r.held[i] = h; err != nil {
					r.unread[i] = err.Error()
				}
			}
		})
	}
	var enough <-chan time.Time
	for range r.m.cfg.Targets {
		select {
		case learn := <-answers:
			learn()
			if enough == nil && late > 0 {
				enough = time.After(late)
			}
			continue
		case <-enough:
		}
		break
	}
	cancel()
	r.merge()
}

// merge takes the newest of what the targets hold. Of two chains that fork the
// first stays, and the target of the other says so when its turn comes.
func (r *run) merge() {
	for _, h := range r.held {
		if h != nil && h.Trust.Newest().Version > r.chain.Newest().Version {
			r.chain = h.Trust
		}
	}
	for _, h := range r.held {
		if h != nil {
			r.mirrors = newest(r.mirrors, h.Mirrors)
			r.servers = newest(r.servers, h.Servers)
		}
	}
	r.dropUnheld()
}

// newest returns the newer of two lists, the first of two equals.
func newest(a, b *serverlist.List) *serverlist.List {
	if a == nil || b != nil && b.Compare(a) > 0 {
		return b
	}
	return a
}

// publishAll brings all targets to the set at once, so that one that hangs
// delays no other.
func (r *run) publishAll(ctx context.Context) {
	r.report.Targets = make([]TargetReport, len(r.m.cfg.Targets))
	var all sync.WaitGroup
	for i, t := range r.m.cfg.Targets {
		all.Go(func() { r.report.Targets[i] = r.publish(ctx, t, r.held[i]) })
	}
	all.Wait()
}

// publish brings one target to the set and looks at it from outside. held is
// what the target held before; nil: not known.
func (r *run) publish(ctx context.Context, t Target, held *publish.Holding) TargetReport {
	report := TargetReport{Target: t.String(), PublicURL: t.PublicURL}
	ctx, cancel := context.WithTimeout(ctx, targetTimeout)
	defer cancel()
	docs := publish.Documents{Trust: r.chain, Mirrors: r.mirrors, Servers: r.servers}
	err := r.complete()
	if err == nil {
		var done publish.Report
		done, err = publish.Set(ctx, t.Target, docs)
		report.Documents = done.Documents
	}
	report.Current, report.Changed = err == nil, report.changed()
	if err == nil && t.PublicURL != "" {
		err = publish.CheckPublic(ctx, t.PublicURL, docs)
		report.Verified = err == nil
	}
	report.OK = err == nil
	if err != nil {
		report.Error = plain(ctx, err).Error()
	}
	switch {
	case report.Current:
		report.setAge(r.m.age(r.servers, r.mirrors), r.m.cfg.Now())
	case held != nil:
		report.setAge(r.m.age(held.Servers, held.Mirrors), r.m.cfg.Now())
	}
	return report
}
