package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// Transfer is the part of a [Store] that hands out all entries, and takes many.
type Transfer interface {
	// Export calls each with every entry, listed or not, in the order of their
	// ids, and stops at its first error, which it returns. It reads in pages,
	// so that a slow caller holds up nobody; a decision made meanwhile may or
	// may not be seen.
	Export(ctx context.Context, each func(Exported) error) error

	// Import takes entries, in one transaction. What became of each is
	// returned in their order; an error means that none was taken. To import
	// again what was imported changes nothing.
	Import(ctx context.Context, entries []Import, how ImportHow) ([]Imported, error)
}

// An Exported is an entry with what is known of it and not published.
type Exported struct {
	ID           string
	Server       string // canonical JSON
	State        EntryState
	Email        string // of the owner; "": not known
	Registration string // id
	Created      time.Time
	Updated      time.Time
	Reason       string      // of a revocation
	Suspended    *Suspension // nil: it is not
	Allowed      []string    // as in [Entry]
	Notes        []Note      // about it and the registrations it is made of; the newest MaxNotes
}

// An Import is an entry to be taken.
type Import struct {
	Server    serverlist.Server // with the ID it had; "": it gets one made from its name
	Email     string            // of its owner; may be empty
	Revoked   bool              // it is not listed; its id is only never given again
	Reason    string            // of the revocation
	Suspended *Suspension       // its Reason, Ends and Admin, "": who imports; nil, or over by now: it is not
	Allowed   []string          // as in [Entry]; what waits in the queue loses it
	Created   time.Time         // zero: now
	Notes     []Note            // their At, Admin and Text
}

// ImportHow says what to do with entries that are imported.
type ImportHow struct {
	Approve bool   // they are listed, or suspended, at once; false: they wait in the queue, which has no limit for them
	Replace bool   // an entry of the same id gets the content, the suspension and Allowed, if any, that are imported; it keeps its owner unless another e-mail address is
	Admin   string // who imports
}

// ImportOutcome says what became of an entry.
type ImportOutcome string

// The outcomes of an import.
const (
	ImportListed    ImportOutcome = "listed"
	ImportSuspended ImportOutcome = "suspended" // it is not listed for a while
	ImportQueued    ImportOutcome = "queued"
	ImportReplaced  ImportOutcome = "replaced"
	ImportReserved  ImportOutcome = "reserved" // it is revoked, and stays so
	ImportSame      ImportOutcome = "same"     // nothing was to be done
	ImportConflict  ImportOutcome = "conflict" // something else is there, and stays
)

// An Imported says what became of one entry.
type Imported struct {
	Outcome ImportOutcome
	ID      string // of the entry, or of the registration that waits
	Problem string // of a conflict
}

// The actions of a transfer.
const (
	ActionExport Action = "export"
	ActionImport Action = "import"
)

// exportPage is how many entries are read at once.
const exportPage = 1000

func (s *sqlStore) Export(ctx context.Context, each func(Exported) error) error {
	last := ""
	for {
		rows, err := s.r.QueryContext(ctx, selectExported+" WHERE e.id > $1 ORDER BY e.id LIMIT $2", last, exportPage)
		page, err := readRows(rows, err, readExported)
		if err != nil {
			return err
		}
		if err := s.addNotes(ctx, page, last); err != nil {
			return err
		}
		for _, e := range page {
			if err := each(e); err != nil {
				return err
			}
			last = e.ID
		}
		if len(page) < exportPage {
			return nil
		}
	}
}

func (s *sqlStore) Import(ctx context.Context, entries []Import, how ImportHow) ([]Imported, error) {
	out := make([]Imported, len(entries))
	err := s.decide(ctx, how.Admin, func(d *decider) error {
		i := &importer{decider: d, how: how}
		for n := range entries {
			var err error
			if out[n], err = i.take(&entries[n]); err != nil {
				return err
			}
		}
		return i.finish()
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// An importer takes the entries of one transaction. They share one change
// number and one record.
type importer struct {
	*decider
	how    ImportHow
	change int64 // 0: none was drawn yet
	newest int64 // number of the newest registration; 0: not read yet
	counts map[ImportOutcome]int64
	notes  int64
}

func (i *importer) take(e *Import) (Imported, error) {
	done, err := i.decide(e)
	if err != nil {
		return Imported{}, err
	}
	if err := i.note(done, e.Notes); err != nil {
		return Imported{}, err
	}
	if i.counts == nil {
		i.counts = make(map[ImportOutcome]int64)
	}
	i.counts[done.Outcome]++
	return done, nil
}

func conflictf(id, format string, args ...any) (Imported, error) {
	return Imported{ImportConflict, id, fmt.Sprintf(format, args...)}, nil
}

func (i *importer) decide(e *Import) (Imported, error) {
	who := identity(&e.Server, e.Email)
	e = i.current(e)
	if e.Server.ID != "" {
		held, err := i.held(e.Server.ID)
		if err != nil {
			return Imported{}, err
		}
		if held != nil {
			return i.meet(e, held, who)
		}
	}
	if e.Revoked {
		return i.reserve(e, who)
	}
	same, err := i.listedAs(who)
	if err != nil {
		return Imported{}, err
	}
	switch {
	case same == "":
		return i.add(e, who)
	case e.Server.ID == "":
		named := *e
		named.Server.ID = same
		held, err := i.held(same)
		if err != nil {
			return Imported{}, err
		}
		return i.meet(&named, held, who)
	}
	return conflictf(e.Server.ID, "the same server of the same person is listed as %q", same)
}

// listedAs returns the id of the listed entry with an identity.
func (i *importer) listedAs(who []byte) (id string, err error) {
	err = i.row("SELECT id FROM entries WHERE identity = $1 AND state = 'listed'", who).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// add takes an entry that is not here yet.
func (i *importer) add(e *Import, who []byte) (Imported, error) {
	if !i.how.Approve {
		return i.enqueue(e, who)
	}
	named := *e
	if named.Server.ID == "" {
		if err := i.readNewest(); err != nil {
			return Imported{}, err
		}
		var err error
		if named.Server.ID, err = i.freeID(slug(e.Server.Name), i.newest+1); err != nil {
			return Imported{}, err
		}
	}
	text, err := named.Server.MarshalJSON()
	if err != nil {
		return Imported{}, err
	}
	if err := i.list(&named, who, string(text), 0); err != nil {
		return Imported{}, err
	}
	if e.Suspended != nil {
		return Imported{Outcome: ImportSuspended, ID: named.Server.ID}, nil
	}
	return Imported{Outcome: ImportListed, ID: named.Server.ID}, nil
}

// readNewest reads the counter of registrations once: it is written when all
// are there, since nobody else can draw from it meanwhile.
func (i *importer) readNewest() error {
	if i.newest > 0 {
		return nil
	}
	return i.row("SELECT value FROM counters WHERE name = 'registration'").Scan(&i.newest)
}

// list makes an entry, or gives the one of its id another content, with an
// approved registration that carries what is not published. Its owner is that of
// the registration with the number owner; 0: of this one.
func (i *importer) list(e *Import, who []byte, text string, owner int64) error {
	if err := i.draw(); err != nil {
		return err
	}
	number, err := i.addRegistration(e, who, Approved)
	if err != nil {
		return err
	}
	_, err = i.exec(`INSERT INTO entries (id, state, server, identity, registration, owner, created, updated, change, first_change)
		VALUES ($1, 'listed', $2, $3, $4, $8, $5, $5, $6, $6)
		ON CONFLICT (id) DO UPDATE SET server = excluded.server, identity = excluded.identity, owner = excluded.owner,
		registration = excluded.registration, updated = $7, change = excluded.change`,
		e.Server.ID, text, who, number, i.created(e), i.change, i.now, cmp.Or(owner, number))
	if err != nil {
		return err
	}
	if err := i.restrict(e); err != nil {
		return err
	}
	return i.claimAll("entry_claims (kind, value, entry)", &e.Server, e.Server.ID)
}

// claimAll makes the claims of a server in one statement.
func (i *importer) claimAll(into string, s *serverlist.Server, owner any) error {
	claims := claimsOf(s)
	text, args := "INSERT INTO "+into+" VALUES ", []any{owner}
	for n, c := range claims {
		text += fmt.Sprintf("($%d, $%d, $1), ", 2*n+2, 2*n+3)
		args = append(args, c.kind, c.value)
	}
	_, err := i.exec(strings.TrimSuffix(text, ", ")+" ON CONFLICT DO NOTHING", args...)
	return err
}

// created returns when the entry was made, which is not in the future.
func (i *importer) created(e *Import) int64 {
	if at := e.Created.Unix(); !e.Created.IsZero() && at > 0 && at < i.now {
		return at
	}
	return i.now
}

func (i *importer) draw() (err error) {
	if i.change == 0 {
		i.change, err = i.next("change")
	}
	return err
}

// addRegistration makes a registration, which came from nowhere on the network.
func (i *importer) addRegistration(e *Import, who []byte, status Status) (int64, error) {
	text, err := marshalRequested(e.Server)
	if err != nil {
		return 0, err
	}
	if err := i.readNewest(); err != nil {
		return 0, err
	}
	i.newest++
	number := i.newest
	entry, decided, admin := e.Server.ID, i.now, i.admin
	if status == Pending {
		entry, decided, admin = "", 0, ""
	}
	_, err = i.exec(`INSERT INTO registrations
		(id, status, server, identity, email, source, source_group, source_network, last_source, created, updated, requests,
		entry, decided, admin, wish)
		VALUES ($1, $2, $3, $4, $5, '', '', '', '', $6, $6, 1, $7, $8, $9, $10)`,
		number, status, text, who, e.Email, i.now, entry, decided, admin, e.Server.ID)
	return number, err
}

// enqueue puts an entry into the queue.
func (i *importer) enqueue(e *Import, who []byte) (Imported, error) {
	var waiting int64
	var text string
	err := i.row("SELECT id, server FROM registrations WHERE identity = $1 AND status = 'pending'", who).Scan(&waiting, &text)
	switch {
	case err == nil:
		mine, err := marshalRequested(e.Server)
		if err != nil {
			return Imported{}, err
		}
		if mine == text {
			return Imported{Outcome: ImportSame, ID: formatID(waiting)}, nil
		}
		return conflictf(formatID(waiting), "the same server of the same person waits with another content: decide that first")
	case !errors.Is(err, sql.ErrNoRows):
		return Imported{}, err
	}
	number, err := i.addRegistration(e, who, Pending)
	if err != nil {
		return Imported{}, err
	}
	err = i.claimAll("registration_claims (kind, value, registration)", &e.Server, number)
	return Imported{Outcome: ImportQueued, ID: formatID(number)}, err
}

// reserve keeps an id from being given again.
func (i *importer) reserve(e *Import, who []byte) (Imported, error) {
	if e.Server.ID == "" {
		return conflictf("", "a revoked entry without an id says nothing")
	}
	if err := i.draw(); err != nil {
		return Imported{}, err
	}
	text, err := e.Server.MarshalJSON()
	if err != nil {
		return Imported{}, err
	}
	_, err = i.exec(`INSERT INTO entries (id, state, server, identity, registration, created, updated, change, first_change, reason)
		VALUES ($1, 'revoked', $2, $3, 0, $4, $5, $6, $6, $7)`,
		e.Server.ID, string(text), who, i.created(e), i.now, i.change, e.Reason)
	return Imported{Outcome: ImportReserved, ID: e.Server.ID}, err
}

// finish records what was taken.
func (i *importer) finish() error {
	c := i.counts
	if c[ImportListed]+c[ImportSuspended]+c[ImportQueued]+c[ImportReplaced]+c[ImportReserved]+i.notes == 0 {
		return nil
	}
	if _, err := i.exec("UPDATE counters SET value = $1 WHERE name = 'registration' AND value < $1", i.newest); err != nil {
		return err
	}
	if _, err := i.exec("UPDATE counters SET value = value + $1 WHERE name = 'pending'", c[ImportQueued]); err != nil {
		return err
	}
	return i.record(ActionImport, "", "", fmt.Sprintf("%d listed, %d suspended, %d replaced, %d queued, %d reserved; %d the same, %d conflicts",
		c[ImportListed], c[ImportSuspended], c[ImportReplaced], c[ImportQueued], c[ImportReserved], c[ImportSame], c[ImportConflict]), i.change)
}

// wish returns the id that an imported registration had; "": it had none, or
// that is in use by now.
func (d *decider) wish(number int64) (id string, err error) {
	if err := d.row("SELECT wish FROM registrations WHERE id = $1", number).Scan(&id); err != nil || id == "" {
		return "", err
	}
	free, err := d.isFree(id)
	if err != nil || !free {
		return "", err
	}
	return id, nil
}
