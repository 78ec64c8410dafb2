package store

import (
	"context"
	"errors"

	"github.com/signed-metaserver/metaserver/serverlist"
)

func (s *sqlStore) Holding(ctx context.Context, id string, token Token) (Holding, error) {
	r, err := s.Status(ctx, id, token)
	if err != nil {
		return Holding{}, err
	}
	h := Holding{Registration: r}
	number, err := parseID(id)
	if err != nil {
		return Holding{}, err
	}
	owner, err := s.anyHash(ctx, token.Hash(), "SELECT '', hash FROM status_tokens WHERE registration = $1 AND owner = 1", number)
	if err != nil {
		return Holding{}, err
	}
	if h.Owner = owner != nil; r.Status == Pending {
		return h, nil
	}
	return h, s.addEntry(ctx, &h)
}

// addEntry adds the entry that a decided registration became. What is asked
// about the entry is for its owner to see.
func (s *sqlStore) addEntry(ctx context.Context, h *Holding) error {
	made := h.Status == Approved || h.Status == Revoked || h.Status == Withdrawn
	if !made || h.Entry == "" {
		return nil
	}
	e, err := s.Entry(ctx, h.Entry)
	if err != nil {
		return err
	}
	h.Listed = &e
	if h.Owner = h.Owner && e.Owner == h.ID; !h.Owner {
		return nil
	}
	if h.Open, err = s.ownerRequest(ctx, h, " AND r.status = 'pending'"); err != nil {
		return err
	}
	h.Newest, err = s.ownerRequest(ctx, h, " AND r.status <> 'pending'")
	return err
}

// ownerRequest returns the newest request of an entry's owner that meets a
// condition; nil if there is none.
func (s *sqlStore) ownerRequest(ctx context.Context, h *Holding, condition string) (*Registration, error) {
	number, err := parseID(h.ID)
	if err != nil {
		return nil, err
	}
	r, err := readRegistration(s.r.QueryRowContext(ctx, selectRegistration+
		" WHERE r.entry = $1 AND r.kind IN ('edit', 'withdrawal') AND r.id > $2"+condition+" ORDER BY r.id DESC LIMIT 1", h.Entry, number))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return &r, err
}

func (s *sqlStore) Shown(ctx context.Context, change int64) (Edition, error) {
	return readEdition(s.r.QueryRowContext(ctx, `SELECT type, version, epoch, issued, published, change, entries, head, NULL FROM editions
		WHERE type = $1 AND change >= $2 ORDER BY epoch, version LIMIT 1`, serverlist.TypeServerList, max(change, 1)))
}

func (s *sqlStore) PutProof(ctx context.Context, id string, p Proof) error {
	number, err := parseID(id)
	if err != nil {
		return err
	}
	return s.w.do(ctx, func(t *tx) error {
		if _, err := t.registration(number); err != nil {
			return err
		}
		// What the registration no longer names is no use to anybody.
		if _, err := t.exec("DELETE FROM proofs WHERE registration = $1 AND token <> $2", number, p.Token); err != nil {
			return err
		}
		_, err := t.exec(`INSERT INTO proofs (registration, kind, subject, token, at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (registration, kind, subject) DO UPDATE SET token = excluded.token, at = excluded.at`,
			number, p.Kind, p.Subject, p.Token, p.At.Unix())
		return err
	})
}

func (s *sqlStore) Proofs(ctx context.Context, id string) ([]Proof, error) {
	number, err := parseID(id)
	if err != nil {
		return nil, err
	}
	rows, err := s.r.QueryContext(ctx, "SELECT kind, subject, token, at FROM proofs WHERE registration = $1 ORDER BY kind, subject", number)
	return readRows(rows, err, func(row scanner) (p Proof, err error) {
		var at int64
		err = row.Scan(&p.Kind, &p.Subject, &p.Token, &at)
		p.At = unixTime(at)
		return p, err
	})
}
