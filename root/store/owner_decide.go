package store

import (
	"database/sql"
	"errors"
	"strings"
	"time"
)

// approveOwnerRequest does what the owner of an entry has asked for.
func (d *decider) approveOwnerRequest(a Approval, number int64, r *Registration) (Entry, error) {
	e, err := d.listed(r.Entry)
	if err != nil {
		return Entry{}, err
	}
	if a.Entry != "" && a.Entry != r.Entry {
		return Entry{}, &UpdateError{Registration: r.ID, Entry: r.Entry}
	}
	var change int64
	var reason string
	action := ActionApprove
	switch r.Kind {
	case KindWithdrawal:
		action = ActionWithdraw
		change, err = d.withdrawEntry(r.Entry, number)
	case KindTransfer:
		action, reason = ActionTransfer, FormerOwner+e.Owner
		change, err = d.transfer(&e, number, r)
	default:
		reason = changedText(Difference(&e.Server, &r.Server))
		change, err = d.applyEdit(&e, number, r)
	}
	if err != nil {
		return Entry{}, err
	}
	if err := d.close(number, approvedAs(r.Kind), r.Entry, ""); err != nil {
		return Entry{}, err
	}
	if err := d.record(action, r.ID, r.Entry, reason, change); err != nil {
		return Entry{}, err
	}
	return d.entry(r.Entry)
}

// FormerOwner begins the detail of the record of a transfer; the registration of
// the owner before follows.
const FormerOwner = "the owner before: "

// changedText names what is not as it was.
func changedText(changes []FieldChange) string {
	var names []string
	for _, c := range changes {
		names = append(names, c.Field)
	}
	if len(names) == 0 {
		return "nothing changed"
	}
	return "changed: " + strings.Join(names, ", ")
}

// approvedAs is what becomes of an approved request of this kind.
func approvedAs(k Kind) Status {
	if k == KindWithdrawal {
		return Withdrawn
	}
	return Approved
}

// WithdrawnByOwner is the reason of an entry that its owner has withdrawn.
const WithdrawnByOwner = "Its owner has withdrawn it."

func (d *decider) withdrawEntry(entry string, number int64) (change int64, err error) {
	if change, err = d.delist(entry, Withdrawn, WithdrawnByOwner); err != nil {
		return 0, err
	}
	return change, d.endOwnerRequests(entry, number, Withdrawn, WithdrawnByOwner)
}

func (d *decider) applyEdit(e *Entry, number int64, r *Registration) (change int64, err error) {
	r.Server.ID = e.Server.ID
	if change, err = d.list(number, r, false); err != nil {
		return 0, err
	}
	owner, err := parseID(e.Owner)
	if err != nil {
		return 0, err
	}
	_, err = d.exec("UPDATE registrations SET email = $1 WHERE id = $2", r.Email, owner)
	return change, err
}

// transfer gives an entry to whoever has accepted the offer. The entry stays
// what it is by now, except for its key, which is the owner's.
func (d *decider) transfer(e *Entry, number int64, r *Registration) (change int64, err error) {
	key := r.Server.Key
	r.Server = e.Server
	r.Server.Key = key
	if change, err = d.list(number, r, true); err != nil {
		return 0, err
	}
	return change, d.endOwnerRequests(e.Server.ID, number, Rejected, "The entry has another owner now.")
}

// giveTo makes the owner of a registration that of an entry. Offers of the one
// before end.
func (d *decider) giveTo(entry string, number int64) error {
	if _, err := d.exec("DELETE FROM transfers WHERE entry = $1", entry); err != nil {
		return err
	}
	_, err := d.exec("UPDATE entries SET owner = $1 WHERE id = $2", number, entry)
	return err
}

func parseAllowed(text string) []string {
	switch text {
	case allowedByDefault:
		return nil
	case "":
		return []string{}
	}
	return strings.Split(text, ",")
}

// signedState returns what is kept of an entry's signed requests.
func (t *tx) signedState(entry string) (sequence int64, at time.Time, err error) {
	var seconds int64
	err = t.row("SELECT sequence, signed_at FROM entries WHERE id = $1", entry).Scan(&sequence, &seconds)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return sequence, unixTime(seconds), err
}
