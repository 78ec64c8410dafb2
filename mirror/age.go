package mirror

import (
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Freshness is how clients see what a target holds.
type Freshness string

// The labels of [TargetReport].
const (
	Fresh    Freshness = "fresh"
	Expiring Freshness = "expiring" // fresh still, and not for long: see Config.WarnBefore
	Stale    Freshness = "stale"    // clients show that the list is old
)

// warnShare is the part of a list's fresh time that is left when the default
// of [Config.WarnBefore] warns: 6 hours of the 24 for which a root that signs
// online makes a list fresh, and half a week of 14 days.
const warnShare = 4

// An age says until when what a target holds is fresh. The zero age is that of
// a target of which nothing is known.
type age struct {
	freshUntil time.Time // of the list that is fresh for the shortest
	warnAt     time.Time
}

// age returns the worse of the two lists' ages. Nil lists have none.
func (m *Mirror) age(lists ...*serverlist.List) age {
	var worst age
	for _, l := range lists {
		if l == nil {
			continue
		}
		a := m.ageOf(&l.Head)
		if worst.warnAt.IsZero() || a.warnAt.Before(worst.warnAt) {
			worst.warnAt = a.warnAt
		}
		if worst.freshUntil.IsZero() || a.freshUntil.Before(worst.freshUntil) {
			worst.freshUntil = a.freshUntil
		}
	}
	return worst
}

func (m *Mirror) ageOf(h *keys.Head) age {
	before := m.cfg.WarnBefore
	if before == 0 {
		before = h.FreshUntil.Sub(h.Issued) / warnShare
	}
	return age{freshUntil: h.FreshUntil, warnAt: h.FreshUntil.Add(-before)}
}

// at labels an age at a time; "" if nothing is known.
func (a age) at(now time.Time) Freshness {
	switch {
	case a.freshUntil.IsZero():
		return ""
	case !now.Before(a.freshUntil):
		return Stale
	case !now.Before(a.warnAt):
		return Expiring
	}
	return Fresh
}

// setAge notes what a target holds.
func (t *TargetReport) setAge(a age, now time.Time) {
	t.age, t.FreshUntil, t.Freshness = a, a.freshUntil, a.at(now)
}
