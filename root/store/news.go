package store

import (
	"context"
	"time"
)

// News is the part of a [Store] that knows of what people were told already.
// What has happened stands in the audit log and in the queue; whoever tells of
// it reads on from where it was told up to.
type News interface {
	// Told returns up to where people were told, and where the news end.
	Told(ctx context.Context) (Told, Newest, error)

	// Tell stores messages and that they tell of what was up to t, both or
	// neither. What is told is never untold: a lower number changes nothing.
	Tell(ctx context.Context, t Told, messages []Message) error

	// Arrivals returns registrations of servers with a number above after, by
	// number, at most limit.
	Arrivals(ctx context.Context, after int64, limit int) ([]Arrival, error)

	// MirrorArrivals is Arrivals of registrations of mirrors.
	MirrorArrivals(ctx context.Context, after int64, limit int) ([]MirrorArrival, error)

	// MessagesSince returns how many messages there are about an event since a
	// time, sent or not.
	MessagesSince(ctx context.Context, event string, since time.Time) (int, error)
}

// Told says up to where people were told.
type Told struct {
	Audit         int64 // number of the newest record
	Registrations int64 // number of the newest registration whose requester was written to, or was not on purpose
	Mirrors       int64 // the same of registrations of mirrors

	// Of the newest summary for the admins.
	SummedUp        int64     // number of the newest registration
	SummedUpMirrors int64     // the same of those of mirrors
	SummedUpAt      time.Time // zero: there was none
}

// Newest says where the news end.
type Newest struct{ Audit, Registrations, Mirrors int64 }

// An Arrival is a registration that has come in.
type Arrival struct {
	Number int64
	Registration
	Earlier int // registrations, of servers and of mirrors, of the same network within the 24 hours before, counted up to MaxEarlier
}

// A MirrorArrival is a registration of a mirror that has come in.
type MirrorArrival struct {
	Number int64
	MirrorRegistration
	Earlier int // as in [Arrival]
}

// MaxEarlier is how far [Arrival].Earlier counts.
const MaxEarlier = 50

func (s *sqlStore) Told(ctx context.Context) (t Told, n Newest, err error) {
	at := int64(0)
	fields := map[string]*int64{
		"told-audit": &t.Audit, "told-registration": &t.Registrations, "told-mirror": &t.Mirrors,
		"digest-registration": &t.SummedUp, "digest-mirror": &t.SummedUpMirrors, "digest-at": &at,
		"audit": &n.Audit, "registration": &n.Registrations, "mirror-registration": &n.Mirrors,
	}
	rows, err := s.r.QueryContext(ctx, "SELECT name, value FROM counters")
	_, err = readRows(rows, err, func(row scanner) (struct{}, error) {
		var name string
		var value int64
		err := row.Scan(&name, &value)
		if field := fields[name]; field != nil {
			*field = value
		}
		return struct{}{}, err
	})
	t.SummedUpAt = unixTime(at)
	return t, n, err
}

func (s *sqlStore) Tell(ctx context.Context, told Told, messages []Message) error {
	now := s.now().Unix()
	return s.w.do(ctx, func(t *tx) error {
		for _, mark := range []struct {
			name  string
			value int64
		}{
			{"told-audit", told.Audit}, {"told-registration", told.Registrations}, {"told-mirror", told.Mirrors},
			{"digest-registration", told.SummedUp}, {"digest-mirror", told.SummedUpMirrors}, {"digest-at", seconds(told.SummedUpAt)},
		} {
			if _, err := t.exec("UPDATE counters SET value = $1 WHERE name = $2 AND value < $1", mark.value, mark.name); err != nil {
				return err
			}
		}
		return t.putMessages(messages, now)
	})
}

func (s *sqlStore) Arrivals(ctx context.Context, after int64, limit int) ([]Arrival, error) {
	rows, err := s.r.QueryContext(ctx, selectRegistration+" WHERE r.id > $1 ORDER BY r.id LIMIT $2", after, limit)
	all, err := readRows(rows, err, func(row scanner) (a Arrival, err error) {
		a.Registration, err = readRegistration(row)
		return a, err
	})
	for i := range all {
		if all[i].Number, err = parseID(all[i].ID); err != nil {
			return nil, err
		}
		if all[i].Earlier, err = s.earlier(ctx, serverQueue, mirrorQueue, all[i].Number); err != nil {
			return nil, err
		}
	}
	return all, err
}

func (s *sqlStore) MirrorArrivals(ctx context.Context, after int64, limit int) ([]MirrorArrival, error) {
	rows, err := s.r.QueryContext(ctx, selectMirrorRegistration+" WHERE r.id > $1 ORDER BY r.id LIMIT $2", after, limit)
	all, err := readRows(rows, err, func(row scanner) (a MirrorArrival, err error) {
		a.MirrorRegistration, err = readMirrorRegistration(row)
		return a, err
	})
	for i := range all {
		if all[i].Number, err = parseMirrorID(all[i].ID); err != nil {
			return nil, err
		}
		if all[i].Earlier, err = s.earlier(ctx, mirrorQueue, serverQueue, all[i].Number); err != nil {
			return nil, err
		}
	}
	return all, err
}

// earlier counts what had come from the network of a registration within the day
// before it. Whoever floods one queue gets no more letters out of the other.
func (s *sqlStore) earlier(ctx context.Context, own, other queue, number int64) (n int, err error) {
	const day = ` WHERE a.id = $1 AND b.source_network = a.source_network AND a.source_network <> ''
		AND b.created > a.created - 86400 AND b.created <= a.created`
	query := "SELECT 1 FROM " + own.registrations + " a, " + own.registrations + " b" + day + " AND b.id < a.id" +
		" UNION ALL SELECT 1 FROM " + own.registrations + " a, " + other.registrations + " b" + day
	err = s.r.QueryRowContext(ctx, "SELECT COUNT(*) FROM ("+query+" LIMIT $2) earlier", number, MaxEarlier).Scan(&n)
	return n, explain(err)
}

func (s *sqlStore) MessagesSince(ctx context.Context, event string, since time.Time) (n int, err error) {
	err = s.r.QueryRowContext(ctx, "SELECT COUNT(*) FROM messages WHERE event = $1 AND created >= $2", event, since.Unix()).Scan(&n)
	return n, explain(err)
}
