package store

import "context"

func (s *sqlStore) ReviewMirror(ctx context.Context, id string) (MirrorReview, error) {
	number, err := parseMirrorID(id)
	if err != nil {
		return MirrorReview{}, err
	}
	r, err := readMirrorRegistration(s.r.QueryRowContext(ctx, selectMirrorRegistration+" WHERE r.id = $1", number))
	if err != nil {
		return MirrorReview{}, err
	}
	listed, err := s.listedClaims(ctx)
	if err != nil {
		return MirrorReview{}, err
	}
	return s.reviewMirror(ctx, r, listed)
}

func (s *sqlStore) PendingMirrors(ctx context.Context, each func(MirrorReview) error) error {
	listed, err := s.listedClaims(ctx)
	if err != nil {
		return err
	}
	for last := int64(0); ; {
		rows, err := s.r.QueryContext(ctx, selectMirrorRegistration+
			" WHERE r.status = 'pending' AND r.id > $1 ORDER BY r.id LIMIT $2", last, pageSize)
		page, err := readRows(rows, err, readMirrorRegistration)
		if err != nil || len(page) == 0 {
			return err
		}
		if last, err = parseMirrorID(page[len(page)-1].ID); err != nil {
			return err
		}
		for _, r := range page {
			review, err := s.reviewMirror(ctx, r, listed)
			if err != nil {
				return err
			}
			if err := each(review); err != nil {
				return err
			}
		}
	}
}

// listedClaims returns what the mirrors have for themselves.
func (s *sqlStore) listedClaims(ctx context.Context) (map[claim]string, error) {
	rows, err := s.r.QueryContext(ctx, "SELECT mirror FROM mirrors")
	all, err := readRows(rows, err, readMirrorText)
	listed := make(map[claim]string)
	for i := range all {
		for _, c := range mirrorClaims(&all[i]) {
			listed[c] = all[i].ID
		}
	}
	return listed, err
}

// reviewMirror adds what a pending request has in common with others.
func (s *sqlStore) reviewMirror(ctx context.Context, r MirrorRegistration, listed map[claim]string) (MirrorReview, error) {
	review := MirrorReview{MirrorRegistration: r}
	if r.Status != Pending {
		return review, nil
	}
	number, err := parseMirrorID(r.ID)
	if err != nil {
		return review, err
	}
	claims := mirrorClaims(&r.Mirror)
	for _, c := range claims {
		if owner := listed[c]; owner != "" && owner != r.Entry {
			review.Conflicts = append(review.Conflicts, MirrorConflict{Kind: c.kind, Value: c.value, Mirror: owner})
		}
	}
	for _, c := range claims {
		rows, err := s.r.QueryContext(ctx, `SELECT registration FROM mirror_claims
			WHERE kind = $1 AND value = $2 AND registration <> $3 ORDER BY registration LIMIT $4`, c.kind, c.value, number, MaxConflicts)
		others, err := readRows(rows, err, func(row scanner) (id int64, err error) { return id, row.Scan(&id) })
		if err != nil {
			return MirrorReview{}, err
		}
		for _, id := range others {
			review.Conflicts = append(review.Conflicts, MirrorConflict{Kind: c.kind, Value: c.value, Registration: formatMirrorID(id)})
		}
	}
	review.Conflicts = review.Conflicts[:min(len(review.Conflicts), MaxConflicts)]
	return review, nil
}
