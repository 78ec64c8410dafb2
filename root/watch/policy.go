package watch

import (
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

// Policy says when a mirror is left out of the list and when it comes back. The
// zero value of each field means the default that it names.
type Policy struct {
	// Every is the time between two looks. 30 min: an edition is fresh for 24 h
	// and a mirror's schedule is counted in hours, so a look more often would
	// see nothing new; and a mirror's log shows 48 small requests a day.
	Every time.Duration

	// StaleGrace is how long a mirror may be seen stale or unreachable. 48 h: a
	// weekend without the person who runs it. Clients go to another mirror in
	// less than a second, so that the harm is small meanwhile.
	StaleGrace time.Duration

	// WrongGrace is how long a mirror may be seen to serve what does not
	// verify. 1 h, and never less than two looks: a file that is being replaced
	// on a host without rename is wrong for a moment. Good answers in between
	// do not end it, unless they go on for WellFor: a liar that alternates is a
	// liar.
	WrongGrace time.Duration

	// WellFor is how long a mirror has to be well to come back. 6 h: a whole
	// cycle of its schedule and of the root's editions, rather than one good
	// answer. One that is listed has what was seen of its illness forgotten
	// after the same time. Each time that it was left out before doubles it, to
	// a week at most, and a month of health ends that: a mirror that comes and
	// goes must not make an edition each time.
	WellFor time.Duration

	// WarnAfter is how long a mirror may be ill, or lack trust documents,
	// before its contact is told. A quarter of StaleGrace.
	WarnAfter time.Duration
}

// WithDefaults returns the policy with its defaults in place of zero fields.
func (p Policy) WithDefaults() Policy {
	p.setDefaults()
	return p
}

func (p *Policy) setDefaults() {
	setDefault(&p.Every, 30*time.Minute)
	setDefault(&p.StaleGrace, 48*time.Hour)
	setDefault(&p.WrongGrace, time.Hour)
	setDefault(&p.WellFor, 6*time.Hour)
	setDefault(&p.WarnAfter, p.StaleGrace/4)
}

const (
	longestWell  = 7 * 24 * time.Hour
	forgiveAfter = 30 * 24 * time.Hour
)

// next returns what is remembered of a mirror after a look. It changes LeftOut
// when the mirror is to be left out or taken in.
func (p *Policy) next(before store.Watch, seen store.MirrorState, now time.Time) store.Watch {
	after := before
	after.State, after.Checked = seen, now
	p.count(before, &after, p.observed(before, now))
	if seen.Ill() && !before.State.Ill() && before.State != store.MirrorNew && now.Sub(before.Since) > forgiveAfter {
		after.Drops = 0
	}
	if kind(seen) != kind(before.State) || before.Since.IsZero() {
		after.Since = now
	}
	switch {
	case before.LeftOut.IsZero() && p.tooIll(before, after):
		after.LeftOut, after.WellFor = now, 0
		after.Drops++
	case !before.LeftOut.IsZero() && !seen.Ill() && after.WellFor >= p.wellFor(before.Drops):
		after.LeftOut, after.WellFor, after.IllFor, after.WrongFor = time.Time{}, 0, 0, 0
	}
	return after
}

// count adds the time between two looks to what it was. A mirror is what it was
// seen to be until the next look. Only a whole cycle of health ends an illness,
// as one good answer among bad ones helps few clients.
func (p *Policy) count(before store.Watch, after *store.Watch, passed time.Duration) {
	if before.State.Ill() {
		after.IllFor += passed
	}
	if before.State == store.MirrorWrong {
		after.WrongFor += passed
	}
	switch {
	case after.State.Ill():
		after.WellFor = 0
	case !before.State.Ill() && before.State != store.MirrorNew:
		after.WellFor += passed
	}
	if before.LeftOut.IsZero() && !after.State.Ill() && after.WellFor >= p.WellFor {
		after.IllFor, after.WrongFor, after.WellFor = 0, 0, max(p.WellFor, 0)
	}
}

// kind is what Since is about: well and behind are one health, and so are stale
// and unreachable. What lacks documents is neither.
func kind(s store.MirrorState) store.MirrorState {
	switch s {
	case store.MirrorBehind:
		return store.MirrorWell
	case store.MirrorUnreachable:
		return store.MirrorStale
	}
	return s
}

// observed returns the time since the last look, as far as that says anything
// about the mirror: a root that was off for a week has not seen it ill.
func (p *Policy) observed(before store.Watch, now time.Time) time.Duration {
	if before.Checked.IsZero() {
		return 0
	}
	return min(max(now.Sub(before.Checked), 0), 2*p.Every).Truncate(time.Second)
}

// tooIll tells whether a listed mirror is to be left out.
func (p *Policy) tooIll(before, after store.Watch) bool {
	switch after.State {
	case store.MirrorForked:
		return true
	case store.MirrorWrong:
		again := before.State == store.MirrorWrong || before.WrongFor > 0
		return again && after.WrongFor >= p.WrongGrace || after.IllFor >= p.StaleGrace
	case store.MirrorStale, store.MirrorUnreachable:
		return after.IllFor >= p.StaleGrace
	}
	return false
}

// wellFor returns how long a mirror that was left out so often has to be well.
func (p *Policy) wellFor(drops int) time.Duration {
	need := p.WellFor
	for i := 1; i < drops && need < longestWell; i++ {
		need *= 2
	}
	return max(p.WellFor, min(need, longestWell))
}

// warns tells whether this look is the one after which the contact is told. It
// may be a good one among bad ones.
func (p *Policy) warns(before, after store.Watch) bool {
	if !before.LeftOut.IsZero() || !after.LeftOut.IsZero() {
		return false
	}
	if after.State == store.MirrorIncomplete && before.State == store.MirrorIncomplete {
		return before.Checked.Sub(before.Since) < p.WarnAfter && after.Checked.Sub(after.Since) >= p.WarnAfter
	}
	return before.IllFor < p.WarnAfter && after.IllFor >= p.WarnAfter
}
