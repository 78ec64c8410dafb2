package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
)

func (s *sqlStore) SignedRequest(ctx context.Context, r SignedRequest) (out SignedResult, err error) {
	if r.Kind == KindEdit {
		if _, err := marshalRequested(r.Server); err != nil {
			return SignedResult{}, err
		}
	}
	err = s.decide(ctx, audit.Rule, func(d *decider) (err error) {
		out, err = d.signedRequest(&r, originOf(r.Source, s.now()))
		return err
	})
	return orNothing(out, err)
}

// signedRequest does at once what the admin has allowed, and asks for the rest.
func (d *decider) signedRequest(r *SignedRequest, from origin) (SignedResult, error) {
	e, err := d.signer(r)
	if err != nil {
		return SignedResult{}, err
	}
	email, err := d.ownerEmail(&e)
	if err != nil {
		return SignedResult{}, err
	}
	if r.Kind == KindWithdrawal {
		r.Server = e.Server
	}
	r.Server.ID, r.Server.Unknown, r.Server.Checks = r.Entry, e.Server.Unknown, e.Server.Checks
	changed := changedMembers(Difference(&e.Server, &r.Server))
	err = d.checkOnly(r.Entry, &r.Server, email)
	same := new(SameServerError)
	switch {
	case err != nil && !errors.As(err, &same):
		return SignedResult{}, err
	case err == nil && r.Kind == KindEdit && allows(e.allowed(r.Allowed), changed):
		return d.changeByRule(&e, r, email, changed)
	}
	number, err := d.ask(&e, r.Kind, Edit{Server: r.Server, Email: email}, from, true)
	if err != nil {
		return SignedResult{}, err
	}
	request, err := d.registration(number)
	return SignedResult{Changed: changed, Request: request, Entry: e}, err
}

// signer returns the entry if its key is the one that has signed, and if this
// request is newer than every other that it has signed.
func (d *decider) signer(r *SignedRequest) (Entry, error) {
	e, err := d.listed(r.Entry)
	if err != nil {
		return Entry{}, err
	}
	if e.Server.Key == "" || normalKey(e.Server.Key) != normalKey(r.Key) {
		return Entry{}, ErrNotOwner
	}
	newest, _, err := d.signedState(r.Entry)
	if err != nil {
		return Entry{}, err
	}
	if r.Sequence <= newest {
		return Entry{}, &ReplayError{Entry: r.Entry, Sequence: newest}
	}
	_, err = d.exec("UPDATE entries SET sequence = $1 WHERE id = $2", r.Sequence, r.Entry)
	return e, err
}

// allowed returns what the entry's key may change; byDefault is the root's rule.
func (e *Entry) allowed(byDefault []string) []string {
	if e.Allowed != nil {
		return e.Allowed
	}
	return byDefault
}

// changeByRule gives an entry the content that its key has signed. It takes the
// place of what its owner has asked for before.
func (d *decider) changeByRule(e *Entry, r *SignedRequest, email string, changed []string) (SignedResult, error) {
	if len(changed) == 0 {
		return SignedResult{Done: true, Entry: *e}, nil
	}
	if err := d.checkPause(r); err != nil {
		return SignedResult{}, err
	}
	number, err := parseID(e.Registration)
	if err != nil {
		return SignedResult{}, err
	}
	change, err := d.list(number, &Registration{ID: e.Registration, Server: r.Server, Email: email}, false)
	if err != nil {
		return SignedResult{}, err
	}
	if _, err := d.exec("UPDATE entries SET signed_at = $1 WHERE id = $2", d.now, r.Entry); err != nil {
		return SignedResult{}, err
	}
	if err := d.replaceOwnerRequest(r.Entry); err != nil {
		return SignedResult{}, err
	}
	reason := "signed by the entry's key: " + strings.Join(changed, ", ")
	if err := d.record(ActionApprove, e.Registration, r.Entry, reason, change); err != nil {
		return SignedResult{}, err
	}
	now, err := d.entry(r.Entry)
	return SignedResult{Done: true, Changed: changed, Entry: now}, err
}

// checkPause keeps a program that has gone wild from making an edition a second.
func (d *decider) checkPause(r *SignedRequest) error {
	_, last, err := d.signedState(r.Entry)
	if err != nil || last.IsZero() {
		return err
	}
	wait := min(time.Unix(last.Unix(), 0).Add(r.Pause).Sub(time.Unix(d.now, 0)), r.Pause)
	if wait > 0 {
		return &TooSoonError{RetryAfter: wait}
	}
	return nil
}

// replaceOwnerRequest ends the pending edit or withdrawal of an entry, of which
// a signed change is the newer version. A transfer is another's request.
func (d *decider) replaceOwnerRequest(entry string) error {
	rows, err := d.rows("SELECT id FROM registrations WHERE identity = $1 AND status = 'pending'", ownerPlace(KindEdit, entry))
	numbers, err := readRows(rows, err, func(row scanner) (n int64, err error) { return n, row.Scan(&n) })
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if err := d.close(n, Withdrawn, entry, "A newer request, signed by the entry's key, took its place."); err != nil {
			return err
		}
	}
	return nil
}
