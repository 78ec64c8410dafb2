package store

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"time"
)

func (s *sqlStore) OfferTransfer(ctx context.Context, id string, token Token, o Offer) (entry string, err error) {
	hash := token.Hash()
	err = s.decide(ctx, "", func(d *decider) error {
		h, err := d.hold(id, hash)
		if err != nil {
			return err
		}
		e, err := d.owned(&h)
		if err != nil {
			return err
		}
		entry = e.Server.ID
		_, err = d.exec(`INSERT INTO transfers (entry, hash, email, expires) VALUES ($1, $2, $3, $4)
			ON CONFLICT (entry) DO UPDATE SET hash = excluded.hash, email = excluded.email, expires = excluded.expires`,
			entry, o.Token[:], normalEmail(o.Email), o.Expires.Unix())
		return err
	})
	return orNothing(entry, err)
}

func (s *sqlStore) TakeOver(ctx context.Context, entry string, offer Token, to TakeOver) (out Registration, err error) {
	hash := offer.Hash()
	err = s.decide(ctx, "", func(d *decider) error {
		if err := d.redeem(entry, hash, to.Email); err != nil {
			return err
		}
		e, err := d.listed(entry)
		if err != nil {
			return err
		}
		e.Server.Key = to.Key
		number, err := d.ask(&e, KindTransfer, Edit{Server: e.Server, Email: to.Email}, originOf(to.Source, s.now()), false)
		if err != nil {
			return err
		}
		// An earlier transfer that is still pending was another's, and so is
		// what was proven with it.
		for _, table := range []string{"status_tokens", "proofs"} {
			if _, err := d.exec("DELETE FROM "+table+" WHERE registration = $1", number); err != nil {
				return err
			}
		}
		if err := d.addOwnerToken(number, 1, to.Token, true); err != nil {
			return err
		}
		out, err = d.registration(number)
		return err
	})
	return orNothing(out, err)
}

func (s *sqlStore) Offered(ctx context.Context, entry string, offer Token) (Entry, time.Time, error) {
	o, err := readOffer(s.r.QueryRowContext(ctx, selectOffer, entry), offer.Hash(), s.now())
	if err != nil {
		return Entry{}, time.Time{}, err
	}
	e, err := s.Entry(ctx, entry)
	return e, o.Expires, err
}

// redeem ends an offer, for whom it was made.
func (d *decider) redeem(entry string, offer TokenHash, email string) error {
	o, err := readOffer(d.row(selectOffer, entry), offer, time.Unix(d.now, 0))
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(o.Email), []byte(normalEmail(email))) != 1 {
		return ErrOtherEmail
	}
	_, err = d.exec("DELETE FROM transfers WHERE entry = $1", entry)
	return err
}

const selectOffer = "SELECT hash, email, expires FROM transfers WHERE entry = $1"

// readOffer reads an offer that this token takes, and that is not over.
func readOffer(row scanner, offer TokenHash, now time.Time) (o Offer, err error) {
	var hash []byte
	var expires int64
	err = row.Scan(&hash, &o.Email, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return Offer{}, ErrNotFound
	}
	if err != nil {
		return Offer{}, explain(err)
	}
	if !offer.equal(hash) || now.Unix() >= expires {
		return Offer{}, ErrNotFound
	}
	o.Expires = unixTime(expires)
	return o, nil
}

func (s *sqlStore) Allow(ctx context.Context, entry string, members []string, admin string) error {
	return s.decide(ctx, admin, func(d *decider) error {
		if _, err := d.listed(entry); err != nil {
			return err
		}
		if _, err := d.exec("UPDATE entries SET allowed = $1 WHERE id = $2", allowedText(members), entry); err != nil {
			return err
		}
		return d.record(ActionAllow, "", entry, allowedText(members), 0)
	})
}
