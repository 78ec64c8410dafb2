package limit

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A Rate bounds how fast each source may send requests, so that one source
// cannot keep the database busy. What it may put into the queue is counted by the
// store. It is safe for concurrent use and holds at most
// maxSources buckets.
type Rate struct {
	every time.Duration // one more request after this
	burst int           // so many at once

	mu      sync.Mutex
	buckets map[netip.Prefix]*rate.Limiter
	rest    *rate.Limiter // shared by the sources for which there is no room
	swept   time.Time
}

const maxSources = 8192

// NewRate lets each source send so many requests at once, and one more after each
// span.
func NewRate(every time.Duration, burst int) *Rate {
	return &Rate{
		every:   every,
		burst:   burst,
		buckets: make(map[netip.Prefix]*rate.Limiter),
		rest:    rate.NewLimiter(rate.Every(every), burst),
	}
}

// Wait takes one request of a source. It returns zero when the request may
// pass, else how long its sender should wait.
func (l *Rate) Wait(src netip.Prefix, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(src, now)
	if b.AllowN(now, 1) {
		return 0
	}
	missing := 1 - b.TokensAt(now)
	return time.Duration(missing * float64(l.every))
}

func (l *Rate) bucket(src netip.Prefix, now time.Time) *rate.Limiter {
	if b := l.buckets[src]; b != nil {
		return b
	}
	if len(l.buckets) >= maxSources {
		l.sweep(now)
	}
	if len(l.buckets) >= maxSources {
		return l.rest
	}
	b := rate.NewLimiter(rate.Every(l.every), l.burst)
	l.buckets[src] = b
	return b
}

// sweep forgets sources that have been quiet long enough to be as good as new.
// It looks at all of them, so at most once a second.
func (l *Rate) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for src, b := range l.buckets {
		if b.TokensAt(now) >= float64(l.burst) {
			delete(l.buckets, src)
		}
	}
}
