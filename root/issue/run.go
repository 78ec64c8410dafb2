package issue

import (
	"context"
	"time"
)

// Run publishes whenever [Publisher.Changed] was called and before editions
// grow stale, until ctx ends; it returns the cause of that. Failures are
// logged and tried again; what is served stays.
func (p *Publisher) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(p.publishAll(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-p.changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// publishAll brings both lists up to date and returns when to look again.
func (p *Publisher) publishAll(ctx context.Context) time.Duration {
	wait := p.cfg.MirrorsEvery
	for _, l := range p.lists() {
		err := p.Publish(ctx, l.typ)
		if err != nil && ctx.Err() == nil {
			p.cfg.Log.Error("cannot publish; the last edition stays served, and it is tried again", "list", l.name, "err", err)
		}
		wait = min(wait, p.nextLook(l))
	}
	return wait
}

// nextLook returns when a list is due again, or, after failures, may be tried
// again.
func (p *Publisher) nextLook(l *list) time.Duration {
	s := p.State(l.typ)
	if s.Err != nil {
		pause := p.cfg.RetryFirst
		for i := 1; i < s.Failed && pause < p.cfg.RetryMost; i++ {
			pause *= 2
		}
		return min(pause, p.cfg.RetryMost)
	}
	// Never at once: an edition that was dated ahead must not make it spin.
	return max(s.Next.Sub(p.cfg.Now()), p.cfg.RetryFirst)
}

// Changed says that the store has changed. It never blocks; calls made before
// Run has reacted count as one.
func (p *Publisher) Changed() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// Wait returns nil when the list of this type is served as it was at the given
// change of the store, or later. It signals the change itself. When an attempt
// made after the call fails, its error is returned; Run tries again all the
// same. Run must be running.
func (p *Publisher) Wait(ctx context.Context, typ string, change int64) error {
	l, err := p.list(typ)
	if err != nil {
		return err
	}
	p.mu.Lock()
	before := l.attempts
	p.mu.Unlock()
	p.Changed()
	for {
		p.mu.Lock()
		covered, failedIn, err, news := l.covered, l.failedIn, l.err, p.news
		p.mu.Unlock()
		switch {
		case covered >= change:
			return nil
		case err != nil && failedIn > before:
			return err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// begin notes the beginning of an attempt and returns its number.
func (p *Publisher) begin(l *list) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.attempts++
	return l.attempts
}

// end notes how an attempt ended and tells who waits.
func (p *Publisher) end(l *list, attempt, change int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.err = err; err != nil {
		l.failedIn = attempt
		l.failures++
	} else {
		l.failures = 0
		l.covered = max(l.covered, change)
	}
	p.spread()
}

// spread tells who waits that there may be news. The caller holds p.mu.
func (p *Publisher) spread() {
	close(p.news)
	p.news = make(chan struct{})
}

// News returns a channel that is closed when something else may be served than
// at the time of the call.
func (p *Publisher) News() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.news
}
