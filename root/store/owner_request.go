package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// keptWithdrawn is how many requests that were withdrawn before anybody decided
// are kept for their status: withdrawing makes room in the queue, and must not
// make the database grow.
const keptWithdrawn = 1000

// A hold is a registration that a token opens in a transaction.
type hold struct {
	number int64
	Registration
	owner bool // the token is one of the owner tokens of the registration
}

// hold checks a token. All hashes are compared, each in constant time.
func (t *tx) hold(id string, token TokenHash) (hold, error) {
	number, err := parseID(id)
	if err != nil {
		return hold{}, err
	}
	rows, err := t.rows("SELECT owner, hash FROM status_tokens WHERE registration = $1", number)
	type stored struct {
		owner int64
		hash  []byte
	}
	tokens, err := readRows(rows, err, func(row scanner) (s stored, err error) { return s, row.Scan(&s.owner, &s.hash) })
	if err != nil {
		return hold{}, err
	}
	opens, owner := false, false
	for _, s := range tokens {
		if token.equal(s.hash) {
			opens, owner = true, s.owner != 0
		}
	}
	if !opens {
		return hold{}, ErrNotFound
	}
	r, err := t.registration(number)
	return hold{number, r, owner}, err
}

// owned returns the entry that a token owns. What is decided otherwise, or
// transferred, is nobody's to change.
func (d *decider) owned(h *hold) (Entry, error) {
	if h.Status != Approved {
		return Entry{}, &DecidedError{ID: h.ID, Status: h.Status, Entry: h.Entry}
	}
	e, err := d.listed(h.Entry)
	if err != nil {
		return Entry{}, err
	}
	if !h.owner || e.Owner != h.ID {
		return Entry{}, ErrNotOwner
	}
	return e, nil
}

func (s *sqlStore) Edit(ctx context.Context, id string, token Token, edit Edit) (out Registration, err error) {
	if _, err := marshalRequested(edit.Server); err != nil {
		return Registration{}, err
	}
	hash := token.Hash()
	err = s.decide(ctx, "", func(d *decider) error {
		h, err := d.hold(id, hash)
		if err != nil {
			return err
		}
		number := h.number
		if h.Status == Pending {
			err = d.editPending(&h, edit, originOf(edit.Source, s.now()))
		} else {
			number, err = d.editEntry(&h, edit, originOf(edit.Source, s.now()))
		}
		if err != nil {
			return err
		}
		out, err = d.registration(number)
		return err
	})
	return orNothing(out, err)
}

func orNothing[T any](v T, err error) (T, error) {
	if err != nil {
		var zero T
		return zero, err
	}
	return v, nil
}

// editPending changes a request in its place of the queue.
func (d *decider) editPending(h *hold, edit Edit, from origin) error {
	if !h.owner || h.Kind != KindNew {
		return ErrNotOwner
	}
	if edit.Email == "" {
		edit.Email = h.Email
	}
	edit.Server.Unknown, edit.Server.Checks = h.Server.Unknown, h.Server.Checks
	text, err := marshalRequested(edit.Server)
	if err != nil {
		return err
	}
	own := identity(&edit.Server, edit.Email)
	var other int64
	err = d.row("SELECT id FROM registrations WHERE identity = $1 AND status = 'pending' AND id <> $2", own, h.number).Scan(&other)
	if !errors.Is(err, sql.ErrNoRows) {
		if err == nil {
			err = &SameServerError{Registration: formatID(other)}
		}
		return err
	}
	_, err = d.exec(`UPDATE registrations
		SET revision = revision + CASE WHEN server <> $1 OR email <> $2 THEN 1 ELSE 0 END,
		server = $1, email = $2, identity = $3, last_source = $4, updated = $5 WHERE id = $6`,
		text, edit.Email, own, from.source, from.now, h.number)
	if err != nil {
		return err
	}
	return d.claimFor(h.number, &edit.Server)
}

// editEntry asks for the entry of a token to be changed.
func (d *decider) editEntry(h *hold, edit Edit, from origin) (int64, error) {
	e, err := d.owned(h)
	if err != nil {
		return 0, err
	}
	email, err := d.ownerEmail(&e)
	if err != nil {
		return 0, err
	}
	if edit.Email == "" {
		edit.Email = email
	}
	if len(Difference(&e.Server, &edit.Server)) == 0 && edit.Email == email {
		return d.takeBack(h.Entry)
	}
	return d.ask(&e, KindEdit, edit, from, false)
}

// takeBack ends what an owner has asked for about an entry: what they want is
// what is listed.
func (d *decider) takeBack(entry string) (number int64, err error) {
	err = d.row("SELECT id FROM registrations WHERE identity = $1 AND status = 'pending'", ownerPlace(KindEdit, entry)).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, ErrNoChange
	}
	if err != nil {
		return 0, err
	}
	return number, d.close(number, Withdrawn, entry, "Its sender has taken it back.")
}

// ownerEmail returns the e-mail address of an entry's owner; "" when the
// registration is forgotten.
func (t *tx) ownerEmail(e *Entry) (email string, err error) {
	number, err := parseID(e.Owner)
	if err != nil {
		return "", err
	}
	err = t.row("SELECT email FROM registrations WHERE id = $1", number).Scan(&email)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return email, err
}

// ask puts a request of an entry's owner into the queue, or in the place of the
// one that is there, and returns its number.
func (d *decider) ask(e *Entry, kind Kind, edit Edit, from origin, signed bool) (int64, error) {
	edit.Server.Unknown, edit.Server.Checks = e.Server.Unknown, e.Server.Checks
	text, err := marshalRequested(edit.Server)
	if err != nil {
		return 0, err
	}
	place := ownerPlace(kind, e.Server.ID)
	var number int64
	err = d.row("SELECT id FROM registrations WHERE identity = $1 AND status = 'pending'", place).Scan(&number)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		number, err = d.insertOwnerRequest(e.Server.ID, kind, text, place, edit.Email, from)
	case err == nil:
		_, err = d.exec(`UPDATE registrations
			SET revision = revision + CASE WHEN server <> $1 OR email <> $2 OR kind <> $3 THEN 1 ELSE 0 END,
			server = $1, email = $2, kind = $3, last_source = $4, updated = $5, requests = requests + 1 WHERE id = $6`,
			text, edit.Email, kind, from.source, from.now, number)
	}
	if err != nil {
		return 0, err
	}
	if _, err := d.exec("UPDATE registrations SET signed = $1 WHERE id = $2", oneIf(signed), number); err != nil {
		return 0, err
	}
	if kind != KindEdit {
		return number, d.dropClaims(number)
	}
	return number, d.claimFor(number, &edit.Server)
}

func (d *decider) insertOwnerRequest(entry string, kind Kind, text string, place []byte, email string, from origin) (int64, error) {
	if err := d.enqueue(serverQueue, Limits{Queue: -1}); err != nil {
		return 0, err
	}
	id, err := d.next("registration")
	if err != nil {
		return 0, err
	}
	_, err = d.exec(`INSERT INTO registrations
		(id, status, kind, entry, server, identity, email, source, source_group, source_network, last_source, created, updated, requests)
		VALUES ($1, 'pending', $2, $3, $4, $5, $6, $7, $8, $9, $7, $10, $10, 1)`,
		id, kind, entry, text, place, email, from.source, from.group, from.network, from.now)
	return id, err
}

// ownerPlace stands in the place of an identity: an entry has one request of
// its owner in the queue, and one transfer.
func ownerPlace(kind Kind, entry string) []byte {
	what := "owner"
	if kind == KindTransfer {
		what = "transfer"
	}
	sum := sha256.Sum256([]byte(what + "\n" + entry)) // an identity has at least three lines
	return sum[:]
}

// checkOnly refuses what would make an entry equal to another listed one. It is
// for admins: a requester could guess e-mail addresses with its answers.
func (t *tx) checkOnly(entry string, s *serverlist.Server, email string) error {
	var other string
	err := t.row("SELECT id FROM entries WHERE identity = $1 AND state = 'listed' AND id <> $2", identity(s, email), entry).Scan(&other)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err == nil:
		return &SameServerError{Entry: other}
	}
	return err
}

func oneIf(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (s *sqlStore) Withdraw(ctx context.Context, id string, token Token, source netip.Addr) (out Registration, err error) {
	hash := token.Hash()
	err = s.decide(ctx, "", func(d *decider) error {
		h, err := d.hold(id, hash)
		if err != nil {
			return err
		}
		number := h.number
		if h.Status == Pending {
			err = d.withdrawPending(&h)
		} else {
			number, err = d.askWithdrawal(&h, originOf(source, s.now()))
		}
		if err != nil {
			return err
		}
		out, err = d.registration(number)
		return err
	})
	return orNothing(out, err)
}

// withdrawPending ends a request that nobody has decided.
func (d *decider) withdrawPending(h *hold) error {
	if !h.owner {
		return ErrNotOwner
	}
	entry := "" // a transfer names one
	if h.Kind != KindNew {
		entry = h.Entry
	}
	if err := d.close(h.number, Withdrawn, entry, ""); err != nil {
		return err
	}
	_, err := d.exec(`DELETE FROM registrations WHERE id IN (SELECT id FROM registrations
		WHERE status = 'withdrawn' AND entry = '' ORDER BY id DESC LIMIT 1000 OFFSET $1)`, keptWithdrawn)
	return err
}

func (d *decider) askWithdrawal(h *hold, from origin) (int64, error) {
	e, err := d.owned(h)
	if err != nil {
		return 0, err
	}
	email, err := d.ownerEmail(&e)
	if err != nil {
		return 0, err
	}
	return d.ask(&e, KindWithdrawal, Edit{Server: e.Server, Email: email}, from, false)
}

// endOwnerRequests ends the pending requests about an entry except one.
func (d *decider) endOwnerRequests(entry string, except int64, status Status, reason string) error {
	rows, err := d.rows("SELECT id FROM registrations WHERE entry = $1 AND status = 'pending' AND id <> $2", entry, except)
	numbers, err := readRows(rows, err, func(row scanner) (n int64, err error) { return n, row.Scan(&n) })
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if err := d.close(n, status, entry, reason); err != nil {
			return err
		}
	}
	return nil
}

// allowedText is how a list of members is kept in one column.
func allowedText(members []string) string {
	if members == nil {
		return allowedByDefault
	}
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(members))), ",")
}

const allowedByDefault = "default"
