package alive

import (
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

// dayShare is the part of the list that may be suspended in a day: one in so
// many, and at least one entry.
const dayShare = 5

// judge decides what follows from looks, which it completes. It returns messages
// that are about the root itself. counts are those before the looks.
func (c *Checker) judge(due []store.LivingEntry, looks []store.EntryLook, counts *store.LivingCounts, now time.Time) []store.Message {
	for i := range due {
		if due[i].Suspended == nil {
			counts.Replace(due[i].Alive.State, looks[i].State)
		}
	}
	suspects := counts.Silent > 1 && counts.Silent*2 > counts.Silent+counts.Alive && !c.proven(now)
	left := max(counts.Listed/dayShare, 1) - counts.Suspended
	for i := range due {
		c.judgeOne(&due[i], &looks[i], suspects, &left, now)
	}
	return c.suspect(suspects, counts, now)
}

// judgeOne decides about one entry. left is how many may still be suspended.
func (c *Checker) judgeOne(e *store.LivingEntry, l *store.EntryLook, suspects bool, left *int, now time.Time) {
	l.Alive = c.next(e.Alive, l.State, suspects, now)
	p := &c.cfg.Policy
	dead := e.Suspended != nil && e.Suspended.Admin == audit.Watcher
	switch {
	case dead && l.State == store.ServerAlive:
		l.Resume = true
		c.tell(e, l, Back, now, 0, "the server of entry %s answers again, and is back in the list", e.Server.ID)
	case dead || suspects || l.State != store.ServerSilent:
	case l.Alive.Silent >= p.Grace && *left > 0:
		*left--
		l.Suspend = fmt.Sprintf("The root has found no server there for %s.", days(l.Alive.Silent))
		c.tell(e, l, Dead, now, 0, "the server of entry %s was silent for %s, and is out of the list until it answers", e.Server.ID, days(l.Alive.Silent))
	case l.Alive.Silent >= p.Grace:
		c.cfg.Log.Warn("a dead server stays in the list for now: enough were taken out in a day", "entry", e.Server.ID)
	case e.Alive.Silent < p.WarnAfter && l.Alive.Silent >= p.WarnAfter:
		l.Warn = fmt.Sprintf("The root has found no server there since %s. If that stays so, the entry goes out of the list about %s, and comes back by itself when the server answers.",
			l.Alive.Since.Format(time.DateOnly), now.Add(p.Grace-l.Alive.Silent).Format(time.DateOnly))
		c.tell(e, l, Warned, now, p.Grace-l.Alive.Silent, "the server of entry %s has been silent for %s: %s", e.Server.ID, days(l.Alive.Silent), l.Error)
	}
}

// next returns what is known of a server after a look.
func (c *Checker) next(before store.Alive, seen store.LivingState, suspects bool, now time.Time) store.Alive {
	after := before
	after.Checked = now
	if after.State = seen; seen != before.State || before.Since.IsZero() {
		after.Since = now
	}
	switch {
	case seen == store.ServerAlive:
		after.Silent = 0
	case suspects: // it is counted as silent, and nothing is held against it
	case seen == store.ServerSilent && before.State == store.ServerSilent:
		// A root that was off has not seen it silent.
		after.Silent += min(max(now.Sub(before.Checked), 0), 2*c.cfg.Policy.Every)
	}
	return after
}

func (c *Checker) tell(e *store.LivingEntry, l *store.EntryLook, kind Kind, now time.Time, left time.Duration, format string, args ...any) {
	event := Event{Kind: kind, At: now, Entry: *e, Alive: l.Alive, Left: left, Detail: fmt.Sprintf(format, args...)}
	if kind == Back {
		c.cfg.Log.Info(event.Detail)
	} else {
		c.cfg.Log.Warn(event.Detail)
	}
	c.cfg.Tell(event)
}

// suspect says that the root may be to blame, once until it is over.
func (c *Checker) suspect(suspects bool, counts *store.LivingCounts, now time.Time) []store.Message {
	c.mu.Lock()
	before := c.suspects
	c.suspects = suspects
	c.mu.Unlock()
	switch {
	case suspects && !before:
		detail := fmt.Sprintf("%d of the %d listed servers that the root can judge are silent: that looks like its own network; nobody is taken out of the list because of this. Is this machine connected?",
			counts.Silent, counts.Silent+counts.Alive)
		c.cfg.Log.Warn(detail)
		return c.cfg.Tell(Event{Kind: Suspects, At: now, Detail: detail})
	case before && !suspects:
		c.cfg.Log.Info("the network works, as it seems: the root holds silence against servers again", "silent", counts.Silent, "alive", counts.Alive)
	}
	return nil
}

// days writes a time as people count it.
func days(d time.Duration) string {
	if n := int(d / (24 * time.Hour)); n != 1 {
		return fmt.Sprintf("%d days", n)
	}
	return "a day"
}
