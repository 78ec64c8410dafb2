package tell

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

// Times and sizes of telling.
const (
	tellEvery   = 5 * time.Second  // between two looks for news; a decision is told of at once
	tellBatch   = 200              // records or arrivals of one look
	digestPause = 10 * time.Minute // between two summaries of what has arrived
	digestLines = 10               // requests that a summary shows
)

// Run looks for news until ctx ends, and then returns nil.
func (t *Teller) Run(ctx context.Context) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		more, err := t.tellOnce(ctx)
		if err != nil && ctx.Err() == nil {
			t.log.Error("people could not be told of what has happened; the next try is in a few seconds", "err", err)
		}
		if more && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.news:
		case <-tick.C:
		}
	}
}

// Wake makes Run look for news now.
func (t *Teller) Wake() {
	select {
	case t.news <- struct{}{}:
	default: // it will, anyway
	}
}

// tellOnce puts the messages about what is new into the outbox, and tells
// whether there may be more.
func (t *Teller) tellOnce(ctx context.Context) (more bool, err error) {
	told, newest, err := t.store.Told(ctx)
	if err != nil {
		return false, err
	}
	was := told
	messages, err := t.tellRecords(ctx, &told, newest)
	if err != nil {
		return false, err
	}
	received, err := t.tellArrivals(ctx, &told, newest)
	if err != nil {
		return false, err
	}
	summary, err := t.sumUp(ctx, &told, newest)
	if err != nil || told == was {
		return false, err
	}
	messages = append(append(messages, received...), summary...)
	if err := t.store.Tell(ctx, told, messages); err != nil {
		return false, err
	}
	if len(messages) > 0 {
		t.wake()
	}
	return told.Audit < newest.Audit || told.Registrations < newest.Registrations || told.Mirrors < newest.Mirrors, nil
}

var errBatch = errors.New("enough for now")

// tellRecords reads on in the audit log.
func (t *Teller) tellRecords(ctx context.Context, told *store.Told, newest store.Newest) (all []store.Message, err error) {
	if t.silent() {
		told.Audit = newest.Audit
		return nil, nil
	}
	if told.Audit >= newest.Audit {
		return nil, nil
	}
	// What the outbox has no room for it drops. Half of it is for what cannot wait
	// here, as the illness of a mirror.
	counts, err := t.store.Counts(ctx)
	if err != nil || counts.Messages > store.MaxMessages/2 {
		return nil, err
	}
	n := 0
	err = t.store.Records(ctx, audit.Filter{After: told.Audit}, func(r audit.Record) error {
		messages, err := t.newsOf(ctx, r)
		if err != nil {
			return err
		}
		all = append(all, messages...)
		told.Audit = r.Number
		if n++; n == tellBatch {
			return errBatch
		}
		return nil
	})
	if errors.Is(err, errBatch) {
		err = nil
	}
	return all, err
}

// sumUp tells the admins what waits for them that they were not told of, but not
// too often.
func (t *Teller) sumUp(ctx context.Context, told *store.Told, newest store.Newest) (messages []store.Message, err error) {
	servers, mirrors := newest.Registrations-told.SummedUp, newest.Mirrors-told.SummedUpMirrors
	now := t.now()
	if servers <= 0 && mirrors <= 0 {
		return nil, nil
	}
	early := now.Sub(told.SummedUpAt) < digestPause && !now.Before(told.SummedUpAt)
	if early && !t.silent() {
		return nil, nil
	}
	from := *told
	told.SummedUp, told.SummedUpMirrors = newest.Registrations, newest.Mirrors
	if t.silent() {
		return nil, nil
	}
	told.SummedUpAt = now
	all := arrived{servers: servers, mirrors: mirrors}
	if err := t.addFirst(ctx, &all, from); err != nil {
		return nil, err
	}
	if all.counts, err = t.store.Counts(ctx); err != nil {
		return nil, err
	}
	return t.summary(now, all)
}

// arrived is what has come in since the last summary.
type arrived struct {
	servers, mirrors int64
	lines            []string // of the first of each
	conflicts        int      // of those
	counts           store.Counts
}

// add shows a request in a line: whether somebody has decided already, or else what
// it has in common with others.
func (a *arrived) add(line string, status store.Status, conflict string) {
	switch {
	case status != store.Pending:
		line += "  (" + string(status) + ")"
	case conflict != "":
		a.conflicts++
		line += "  ! " + conflict
	}
	a.lines = append(a.lines, line)
}

// addFirst adds the first requests, of servers and of mirrors, that nobody was told
// of. What is forgotten by now is left out.
func (t *Teller) addFirst(ctx context.Context, to *arrived, from store.Told) error {
	servers, err := t.store.Arrivals(ctx, from.SummedUp, digestLines)
	if err != nil {
		return err
	}
	for _, a := range servers {
		review, err := t.store.Review(ctx, a.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		to.add(fmt.Sprintf("%s  %s  %s", a.ID, a.Server.Name, strings.Join(a.Server.Addresses, ", ")), a.Status, conflictText(review.Conflicts))
	}
	mirrors, err := t.store.MirrorArrivals(ctx, from.SummedUpMirrors, digestLines)
	if err != nil {
		return err
	}
	for _, a := range mirrors {
		review, err := t.store.ReviewMirror(ctx, a.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		to.add(fmt.Sprintf("%s  mirror %s  %s", a.ID, a.Mirror.ID, strings.Join(a.Mirror.URLs, ", ")), a.Status, mirrorConflictText(review.Conflicts))
	}
	return nil
}

// conflictText tells the first of conflicts; "": there is none.
func conflictText(all []store.Conflict) string {
	if len(all) == 0 {
		return ""
	}
	c, other := all[0], "entry "+all[0].Entry
	if c.Entry == "" {
		other = "request " + c.Registration
	}
	switch c.Kind {
	case store.LooksAlike:
		return "name looks like that of " + other
	case store.SameHost:
		return "resolves to the address of " + other
	}
	return fmt.Sprintf("same %s as %s", c.Kind, other)
}

// mirrorConflictText is conflictText of a mirror.
func mirrorConflictText(all []store.MirrorConflict) string {
	switch {
	case len(all) == 0:
		return ""
	case all[0].Mirror != "":
		return fmt.Sprintf("same %s as mirror %s", all[0].Kind, all[0].Mirror)
	}
	return fmt.Sprintf("same %s as request %s", all[0].Kind, all[0].Registration)
}

func (t *Teller) summary(now time.Time, a arrived) ([]store.Message, error) {
	var what []string
	if a.servers > 0 {
		what = append(what, many(a.servers, "server"))
	}
	if a.mirrors > 0 {
		what = append(what, many(a.mirrors, "mirror"))
	}
	subject := "requests have arrived: " + strings.Join(what, " and ")
	if a.conflicts > 0 {
		subject += ", some in conflict with others"
	}
	waiting := fmt.Sprintf("Altogether %s and %s wait for a decision.", many(int64(a.counts.Pending), "server"), many(int64(a.counts.PendingMirrors), "mirror"))
	_, body, err := write("arrived", map[string]any{
		"Subject": subject, "Lines": a.lines, "More": max(0, a.servers+a.mirrors-int64(len(a.lines))), "Waiting": waiting,
		"Servers": a.servers > 0, "Mirrors": a.mirrors > 0,
	})
	if err != nil {
		return nil, err
	}
	return t.toAdmins(fmt.Sprint("arrived ", now.Unix()), eventArrived, subject, body, map[string]any{
		"servers": a.servers, "mirrors": a.mirrors, "conflicts": a.conflicts,
		"waiting_servers": a.counts.Pending, "waiting_mirrors": a.counts.PendingMirrors,
	}), nil
}

func many(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
