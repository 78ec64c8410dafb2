package store

import "context"

func (s *sqlStore) AddAdmin(ctx context.Context, name string, hash TokenHash) error {
	now := s.now().Unix()
	return s.w.do(ctx, func(t *tx) error {
		n, err := t.exec("INSERT INTO admins (name, hash, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", name, hash[:], now)
		if err == nil && n == 0 {
			err = &TakenError{ID: name}
		}
		return err
	})
}

func (s *sqlStore) CheckAdmin(ctx context.Context, token Token) (string, error) {
	name, err := s.anyHash(ctx, token.Hash(), "SELECT name, hash FROM admins")
	if err != nil {
		return "", err
	}
	if name == nil {
		return "", ErrNotFound
	}
	return *name, nil
}

func (s *sqlStore) RemoveAdmin(ctx context.Context, name string) error {
	return s.w.do(ctx, func(t *tx) error {
		n, err := t.exec("DELETE FROM admins WHERE name = $1", name)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

func (s *sqlStore) Admins(ctx context.Context) ([]Admin, error) {
	rows, err := s.r.QueryContext(ctx, "SELECT name, created FROM admins ORDER BY name")
	return readRows(rows, err, func(row scanner) (Admin, error) {
		var a Admin
		var created int64
		err := row.Scan(&a.Name, &created)
		a.Created = unixTime(created)
		return a, err
	})
}
