package store

import (
	"context"
	"errors"
	"fmt"
)

// typeTrust names the sequence of trust documents beside those of the lists.
const typeTrust = "trust/1"

func (s *sqlStore) PublishTrust(ctx context.Context, n Succession) error {
	if err := n.check(); err != nil {
		return err
	}
	return s.decide(ctx, n.Admin, func(d *decider) error {
		for i := range n.Documents {
			if err := d.addTrust(&n.Documents[i]); err != nil {
				return err
			}
		}
		for i := range n.Lists {
			if err := d.publish(n.Lists[i].Previous, &n.Lists[i].Edition, d.now); err != nil {
				return err
			}
		}
		if n.Admin == "" {
			return nil
		}
		newest := n.Documents[len(n.Documents)-1].Version
		return d.record(ActionPublishTrust, "", fmt.Sprintf("trust/%d", newest), "", 0)
	})
}

func (n *Succession) check() error {
	if len(n.Documents) == 0 {
		return errors.New("a succession has at least one trust document")
	}
	for i := range n.Documents {
		if want := n.Documents[0].Version + int64(i); n.Documents[i].Version != want || want < 1 {
			return fmt.Errorf("trust document %d stands where %d belongs", n.Documents[i].Version, want)
		}
	}
	return nil
}

func (d *decider) addTrust(t *TrustDocument) error {
	if err := d.swapNewest(typeTrust, t.Version-1, t.Version); err != nil {
		return err
	}
	_, err := d.exec("INSERT INTO trust_documents (version, document, published) VALUES ($1, $2, $3)",
		t.Version, t.Document, d.now)
	return err
}

func (s *sqlStore) Trust(ctx context.Context, from int64) ([]TrustDocument, error) {
	rows, err := s.r.QueryContext(ctx,
		"SELECT version, document, published FROM trust_documents WHERE version >= $1 ORDER BY version", from)
	return readRows(rows, err, func(row scanner) (TrustDocument, error) {
		var t TrustDocument
		var published int64
		err := row.Scan(&t.Version, &t.Document, &published)
		t.Published = unixTime(published)
		return t, explain(err)
	})
}
