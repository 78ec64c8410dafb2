package tell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

// A requester is written to when the request has arrived, be it of a server or of a
// mirror, unless that would serve a flood: after so many of the network within a
// day, and after so many in all within an hour, the page with the status has to
// do.
const (
	receivedPerNetwork = 20
	receivedPerHour    = 200
)

// A newcomer is what a letter about an arrival is made from.
type newcomer struct {
	number  int64
	id      string
	email   string
	waits   bool // nobody has decided yet
	earlier int  // requests of the same network within the day before

	conflict string // what it has in common with something listed; "": nothing
}

// tellArrivals writes to those who have sent a request.
func (t *Teller) tellArrivals(ctx context.Context, told *store.Told, newest store.Newest) (all []store.Message, err error) {
	queues := []struct {
		letter string
		told   *int64
		newest int64
		read   func(ctx context.Context, after int64) ([]newcomer, error)
		claims func(ctx context.Context, id string) (conflict string, err error)
	}{
		{"received", &told.Registrations, newest.Registrations, t.newServers, t.serverClaims},
		{"mirror-received", &told.Mirrors, newest.Mirrors, t.newMirrors, t.mirrorClaims},
	}
	for _, q := range queues {
		if *q.told >= q.newest {
			continue
		}
		room, err := t.roomForReceived(ctx)
		if err != nil {
			return nil, err
		}
		if room <= len(all) {
			*q.told = q.newest
			continue
		}
		arrived, err := q.read(ctx, *q.told)
		if err != nil {
			return nil, err
		}
		for _, a := range arrived {
			*q.told = a.number
			if !a.waits || a.email == "" || a.earlier >= receivedPerNetwork || len(all) >= room {
				continue
			}
			if a.conflict, err = q.claims(ctx, a.id); err != nil {
				return nil, err
			}
			m, err := t.received(q.letter, a)
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
		if len(arrived) == 0 { // they are forgotten by now
			*q.told = q.newest
		}
	}
	return all, nil
}

// roomForReceived is how many more letters about arrivals may be written now.
func (t *Teller) roomForReceived(ctx context.Context) (int, error) {
	if !t.mail {
		return 0, nil
	}
	sent, err := t.store.MessagesSince(ctx, eventReceived, t.now().Add(-time.Hour))
	return receivedPerHour - sent, err
}

func (t *Teller) newServers(ctx context.Context, after int64) (all []newcomer, err error) {
	arrived, err := t.store.Arrivals(ctx, after, tellBatch)
	for _, a := range arrived {
		all = append(all, newcomer{number: a.Number, id: a.ID, email: a.Email, waits: a.Status == store.Pending, earlier: a.Earlier})
	}
	return all, err
}

func (t *Teller) newMirrors(ctx context.Context, after int64) (all []newcomer, err error) {
	arrived, err := t.store.MirrorArrivals(ctx, after, tellBatch)
	for _, a := range arrived {
		all = append(all, newcomer{number: a.Number, id: a.ID, email: a.Email, waits: a.Status == store.Pending, earlier: a.Earlier})
	}
	return all, err
}

// serverClaims tells what a request has in common with a listed entry, which
// everybody can see. Of requests that wait nobody is told but the admins.
func (t *Teller) serverClaims(ctx context.Context, id string) (string, error) {
	review, err := t.store.Review(ctx, id)
	if errors.Is(err, store.ErrNotFound) { // it is forgotten by now
		return "", nil
	}
	listed := slices.DeleteFunc(review.Conflicts, func(c store.Conflict) bool { return c.Entry == "" })
	return conflictText(listed), err
}

// mirrorClaims is serverClaims of a mirror.
func (t *Teller) mirrorClaims(ctx context.Context, id string) (string, error) {
	review, err := t.store.ReviewMirror(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	listed := slices.DeleteFunc(review.Conflicts, func(c store.MirrorConflict) bool { return c.Mirror == "" })
	return mirrorConflictText(listed), err
}

func (t *Teller) received(letter string, a newcomer) (store.Message, error) {
	subject, body, err := write(letter, map[string]any{"Origin": t.origin, "ID": a.id, "Conflict": a.conflict})
	return store.Message{
		Key: fmt.Sprintf("received %s", a.id), Recipient: a.email, Event: eventReceived,
		Subject: fmt.Sprintf("[%s] %s", t.origin, subject), Body: body, Bounded: true,
	}, err
}
