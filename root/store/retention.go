package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// Retention is the part of a [Store] that forgets people.
type Retention interface {
	// ForgetSources removes where requests and open reports came from that were
	// last sent before the given time, those of mirrors too, at most limit of each
	// kind, and returns how many.
	ForgetSources(ctx context.Context, before time.Time, limit int) (int, error)

	// ForgetEmails removes the e-mail addresses of requests that were rejected,
	// revoked or withdrawn before the given time, and of those approved before
	// it that their entry has outlived: former owners and former edits. What
	// admins have noted down about those that were turned down goes with them. It
	// removes at most limit of each kind, and returns how many.
	ForgetEmails(ctx context.Context, before time.Time, limit int) (int, error)

	// ForgetReports removes reports that were resolved before the given time, and
	// what admins have noted down about registrations that are gone, at most limit
	// of each, and returns how many.
	ForgetReports(ctx context.Context, before time.Time, limit int) (int, error)

	// Forget removes what is known of a person. What it has removed is not in
	// the database file any more, nor in its log. [ErrNotFound], and
	// [ErrAmbiguous] for an id of two things.
	Forget(ctx context.Context, whom Person, admin string) (Forgotten, error)
}

// A Person is somebody to be forgotten: by one of these.
type Person struct {
	Email  string     // in any case
	ID     string     // of a registration, of a mirror's registration, or of an entry
	Source netip.Addr // where requests came from
}

// Forgotten says what became of a person's data.
type Forgotten struct {
	Removed  int      // requests that are gone as a whole, those of mirrors too
	Blanked  int      // requests without e-mail address and source now
	Messages int      // messages to the person that are gone
	Notes    int      // of admins, that are gone
	Reports  int      // of players, by the person or with the address in them, that are gone
	Entries  []string // that stay listed, and have no e-mail address any more
	Mirrors  []string // the same of mirrors
	Records  int      // of the audit log, in which the person is named; it is never changed
}

// ActionForget is recorded with how much was removed, not with whom.
const ActionForget Action = "forget"

// due returns numbers of rows. It reads without holding up who writes.
func (s *sqlStore) due(ctx context.Context, query string, args ...any) ([]int64, error) {
	rows, err := s.r.QueryContext(ctx, query, args...)
	return readRows(rows, err, func(row scanner) (n int64, err error) { return n, row.Scan(&n) })
}

// queues are where requests of both kinds wait, and when the addresses of one
// are to be forgotten.
var queues = []string{serverQueue.registrations, mirrorQueue.registrations}

const blankSource = "source = '', source_group = '', source_network = '', last_source = ''"

func (s *sqlStore) ForgetSources(ctx context.Context, before time.Time, limit int) (n int, err error) {
	for _, table := range queues {
		done, err := s.blank(ctx, table, blankSource, "source <> '' AND updated < $1", before, limit)
		if n += done; err != nil {
			return n, err
		}
	}
	done, err := s.blank(ctx, "reports", "source = ''", "source <> '' AND at < $1", before, limit)
	return n + done, err
}

func (s *sqlStore) ForgetEmails(ctx context.Context, before time.Time, limit int) (n int, err error) {
	for _, table := range queues {
		done, err := s.blank(ctx, table, "email = '', identity = ''",
			"status IN ('rejected', 'revoked', 'withdrawn') AND email <> '' AND decided < $1", before, limit)
		if n += done; err != nil {
			return n, err
		}
	}
	done, err := s.blank(ctx, serverQueue.registrations, "email = '', identity = ''", outlived+" AND decided < $1", before, limit)
	if n += done; err != nil {
		return n, err
	}
	done, err = s.forgetNotes(ctx, limit)
	return n + done, err
}

// outlived are requests whose entry has another owner, and shows another
// request, by now.
const outlived = `status = 'approved' AND email <> '' AND EXISTS (SELECT 1 FROM entries e
	WHERE e.id = registrations.entry AND e.owner <> registrations.id AND e.registration <> registrations.id)`

// blank removes something from the rows of a table that a condition on $1, a
// time, chooses.
func (s *sqlStore) blank(ctx context.Context, table, what, condition string, before time.Time, limit int) (int, error) {
	ids, err := s.due(ctx, "SELECT id FROM "+table+" WHERE "+condition+" ORDER BY id LIMIT $2", before.Unix(), limit)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	err = s.w.do(ctx, func(t *tx) error {
		for _, id := range ids {
			if _, err := t.exec("UPDATE "+table+" SET "+what+" WHERE id = $2 AND "+condition, before.Unix(), id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(ids), s.w.checkpoint(ctx)
}

func (s *sqlStore) Forget(ctx context.Context, whom Person, admin string) (Forgotten, error) {
	var out Forgotten
	err := s.decide(ctx, admin, func(d *decider) error {
		f := &forgetter{decider: d}
		if err := f.forget(whom); err != nil {
			return err
		}
		out = f.out
		return f.record(ActionForget, "", "", fmt.Sprintf("%d requests removed, %d without address, %d messages, %d notes, %d reports, %d entries",
			out.Removed, out.Blanked, out.Messages, out.Notes, out.Reports, len(out.Entries)), 0)
	})
	if err != nil {
		return Forgotten{}, err
	}
	return out, s.w.checkpoint(ctx)
}

// A forgetter forgets one person.
type forgetter struct {
	*decider
	out Forgotten
}

func (f *forgetter) forget(whom Person) (err error) {
	switch {
	case whom.Email != "":
		err = f.byEmail(whom.Email)
	case whom.ID != "":
		err = f.byID(whom.ID)
	case whom.Source.IsValid():
		err = f.bySource(whom.Source.Unmap().String())
	default:
		err = ErrNotFound
	}
	if err != nil {
		return err
	}
	o := &f.out
	if o.Removed+o.Blanked+o.Messages+o.Notes+o.Reports+o.Records+len(o.Entries)+len(o.Mirrors) == 0 {
		return ErrNotFound
	}
	return nil
}

func (f *forgetter) byEmail(email string) error {
	numbers, err := f.numbers("SELECT id FROM registrations WHERE lower(email) = lower($1)", email)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if err := f.request(n); err != nil {
			return err
		}
	}
	if numbers, err = f.numbers("SELECT id FROM mirror_registrations WHERE lower(email) = lower($1)", email); err != nil {
		return err
	}
	for _, n := range numbers {
		if err := f.mirrorRequest(n); err != nil {
			return err
		}
	}
	if err := f.mirrors(email); err != nil {
		return err
	}
	if err := f.messages(email); err != nil {
		return err
	}
	if _, err := f.exec("DELETE FROM transfers WHERE lower(email) = lower($1)", email); err != nil {
		return err
	}
	if err := f.texts(email); err != nil {
		return err
	}
	return f.records(email)
}

// records counts where the audit log names somebody.
func (f *forgetter) records(who string) error {
	numbers, err := f.naming(`SELECT number, source || ' ' || subject || ' ' || detail FROM audit
		WHERE source = $1 OR instr(lower(subject || ' ' || detail), lower($1)) > 0`, who)
	f.out.Records += len(numbers)
	return err
}

// byID takes the id of a request, or of an entry, which may be called r12 as well.
func (f *forgetter) byID(id string) error {
	about, err := f.numbers("SELECT id FROM registrations WHERE entry = $1", id)
	if err != nil {
		return err
	}
	forget, err := f.requestCalled(id)
	switch {
	case err != nil:
		return err
	case forget != nil && len(about) > 0:
		return ErrAmbiguous
	case forget != nil:
		return forget()
	case len(about) == 0:
		return ErrNotFound
	}
	for _, n := range about {
		if err := f.request(n); err != nil {
			return err
		}
	}
	return nil
}

// requestCalled returns what forgets the request of an id; nil: there is none.
func (f *forgetter) requestCalled(id string) (forget func() error, err error) {
	for _, queue := range []struct {
		table  string
		parse  func(string) (int64, error)
		forget func(int64) error
	}{
		{serverQueue.registrations, parseID, f.request},
		{mirrorQueue.registrations, parseMirrorID, f.mirrorRequest},
	} {
		number, notOne := queue.parse(id)
		if notOne != nil {
			continue
		}
		found, err := f.numbers("SELECT id FROM "+queue.table+" WHERE id = $1", number)
		if err != nil || len(found) == 0 {
			return nil, err
		}
		return func() error { return queue.forget(number) }, nil
	}
	return nil, nil
}

func (f *forgetter) bySource(source string) error {
	for _, table := range queues {
		n, err := f.exec("UPDATE "+table+" SET "+blankSource+" WHERE source = $1 OR last_source = $1", source)
		if err != nil {
			return err
		}
		f.out.Blanked += int(n)
	}
	addr, err := netip.ParseAddr(source)
	if err == nil {
		err = f.reportsFrom(sourceGroup(addr))
	}
	if err != nil {
		return err
	}
	return f.records(source)
}

func (f *forgetter) numbers(query string, args ...any) ([]int64, error) {
	rows, err := f.rows(query, args...)
	return readRows(rows, err, func(row scanner) (n int64, err error) { return n, row.Scan(&n) })
}

// request forgets who has sent a registration. What an entry is made of stays,
// without the person; anything else goes.
func (f *forgetter) request(number int64) error {
	var status Status
	var entry, email string
	err := f.row("SELECT status, entry, email FROM registrations WHERE id = $1", number).Scan(&status, &entry, &email)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if email != "" {
		if err := f.messages(email); err != nil {
			return err
		}
	}
	if err := f.notes(number); err != nil {
		return err
	}
	if status == Approved {
		return f.blankRequest(number, entry)
	}
	f.out.Removed++
	if _, err := f.exec("DELETE FROM registrations WHERE id = $1", number); err != nil || status != Pending {
		return err
	}
	_, err = f.exec("UPDATE counters SET value = value - 1 WHERE name = 'pending'")
	return err
}

// blankRequest takes the person out of an approved registration and out of the
// identity of its entry.
func (f *forgetter) blankRequest(number int64, entry string) error {
	f.out.Blanked++
	_, err := f.exec("UPDATE registrations SET email = '', identity = '', "+blankSource+" WHERE id = $1", number)
	if err != nil {
		return err
	}
	var text string
	err = f.row("SELECT server FROM entries WHERE id = $1 AND state = 'listed'", entry).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = f.exec("UPDATE entries SET identity = '' WHERE id = $1", entry)
		return err
	}
	if err != nil {
		return err
	}
	var s serverlist.Server
	if err := s.UnmarshalJSON([]byte(text)); err != nil {
		return err
	}
	// The id makes it unlike any other: nobody's request is an update of it.
	if _, err := f.exec("UPDATE entries SET identity = $1 WHERE id = $2", identity(&s, "forgotten "+entry), entry); err != nil {
		return err
	}
	if !slices.Contains(f.out.Entries, entry) {
		f.out.Entries = append(f.out.Entries, entry)
	}
	return nil
}

func (f *forgetter) mirrorRequest(number int64) error {
	var status, email, mirror string
	err := f.row("SELECT status, email, entry FROM mirror_registrations WHERE id = $1", number).Scan(&status, &email, &mirror)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil && email != "" {
		err = errors.Join(f.messages(email), f.mirrors(email))
	}
	if err != nil {
		return err
	}
	if status == string(Approved) {
		f.out.Blanked++
		_, err := f.exec("UPDATE mirror_registrations SET email = '', identity = '', "+blankSource+" WHERE id = $1", number)
		return err
	}
	f.out.Removed++
	if _, err := f.exec("DELETE FROM mirror_registrations WHERE id = $1", number); err != nil || status != string(Pending) {
		return err
	}
	_, err = f.exec("UPDATE counters SET value = value - 1 WHERE name = 'mirror-pending'")
	return err
}

// mirrors takes an e-mail address out of listed mirrors.
func (f *forgetter) mirrors(email string) error {
	rows, err := f.rows("SELECT id FROM mirrors WHERE lower(email) = lower($1)", email)
	ids, err := readRows(rows, err, func(row scanner) (id string, err error) { return id, row.Scan(&id) })
	if err != nil || len(ids) == 0 {
		return err
	}
	f.out.Mirrors = append(f.out.Mirrors, ids...)
	_, err = f.exec("UPDATE mirrors SET email = '', identity = '' WHERE lower(email) = lower($1)", email)
	return err
}

// messages removes messages to or about somebody, sent or not.
func (f *forgetter) messages(email string) error {
	const text = "recipient || ' ' || key || ' ' || subject || ' ' || body || ' ' || details"
	numbers, err := f.naming("SELECT id, "+text+" FROM messages WHERE instr(lower("+text+"), lower($1)) > 0", email)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		_, err := f.exec("UPDATE counters SET value = value - 1 WHERE name = 'message-waiting' AND EXISTS (SELECT 1 FROM messages WHERE id = $1 AND done = 0)", n)
		if err != nil {
			return err
		}
		if _, err := f.exec("DELETE FROM messages WHERE id = $1", n); err != nil {
			return err
		}
	}
	f.out.Messages += len(numbers)
	return nil
}
