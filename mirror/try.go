package mirror

import (
	"context"
	"sync"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// Patience is how long Try and Check wait for a host that says nothing. Runs on
// a schedule, for which nobody waits, are more patient.
const Patience = 20 * time.Second

// Try finds out of every target, of all at once, whether it can be written to.
// It publishes nothing. The errors are in the order of the targets; one is
// [publish.ErrUntried] if only a publication tells.
func (m *Mirror) Try(ctx context.Context) []error {
	return try(ctx, impatient(m.cfg.Targets), func(int) bool { return true })
}

// try tries the targets that which names by their index.
func try(ctx context.Context, targets []Target, which func(i int) bool) []error {
	ctx, cancel := context.WithTimeout(ctx, targetTimeout)
	defer cancel()
	errs := make([]error, len(targets))
	var all sync.WaitGroup
	for i, t := range targets {
		if which(i) {
			all.Go(func() { errs[i] = publish.TryWrite(ctx, t.Target) })
		}
	}
	all.Wait()
	return errs
}

// impatient returns the targets with no more than Patience.
func impatient(targets []Target) []Target {
	var all []Target
	for _, t := range targets {
		t.Target = publish.GiveUpAfter(t.Target, Patience)
		all = append(all, t)
	}
	return all
}
