package store

import (
	"context"
	"time"
)

func (s *sqlStore) ForgetReports(ctx context.Context, before time.Time, limit int) (int, error) {
	ids, err := s.due(ctx, "SELECT id FROM reports WHERE resolved > 0 AND resolved < $1 ORDER BY resolved LIMIT $2", before.Unix(), limit)
	if err != nil {
		return 0, err
	}
	if err := s.drop(ctx, "DELETE FROM reports WHERE id = $1", ids); err != nil {
		return 0, err
	}
	notes, err := s.forgetNotes(ctx, limit)
	return len(ids) + notes, err
}

// forgetNotes removes notes about registrations that are gone, or that were
// turned down and are nobody's any more.
func (s *sqlStore) forgetNotes(ctx context.Context, limit int) (int, error) {
	ids, err := s.due(ctx, `SELECT id FROM notes WHERE kind = 'registration' AND NOT EXISTS (SELECT 1 FROM registrations r
		WHERE r.id = CAST(substr(notes.about, 2) AS INTEGER) AND (r.email <> '' OR r.status IN ('pending', 'approved')))
		ORDER BY id LIMIT $1`, limit)
	if err != nil {
		return 0, err
	}
	return len(ids), s.drop(ctx, "DELETE FROM notes WHERE id = $1", ids)
}

// drop removes rows so that nothing of them is left in the file or its log.
func (s *sqlStore) drop(ctx context.Context, statement string, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	err := s.w.do(ctx, func(t *tx) error {
		for _, id := range ids {
			if _, err := t.exec(statement, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.w.checkpoint(ctx)
}

// notes removes what admins have noted down about a registration.
func (f *forgetter) notes(number int64) error {
	n, err := f.exec("DELETE FROM notes WHERE kind = 'registration' AND about = $1", formatID(number))
	f.out.Notes += int(n)
	return err
}

// texts removes what admins and players have written in which an e-mail address
// stands.
func (f *forgetter) texts(email string) error {
	notes, err := f.naming("SELECT id, note FROM notes WHERE instr(lower(note), lower($1)) > 0", email)
	if err != nil {
		return err
	}
	reports, err := f.naming("SELECT id, report || ' ' || note FROM reports WHERE instr(lower(report || ' ' || note), lower($1)) > 0", email)
	if err != nil {
		return err
	}
	for table, numbers := range map[string][]int64{"notes": notes, "reports": reports} {
		for _, n := range numbers {
			if _, err := f.exec("DELETE FROM "+table+" WHERE id = $1", n); err != nil {
				return err
			}
		}
	}
	f.out.Notes, f.out.Reports = f.out.Notes+len(notes), f.out.Reports+len(reports)
	return nil
}

// reportsFrom removes the reports of a source, open or not.
func (f *forgetter) reportsFrom(group string) error {
	n, err := f.exec("DELETE FROM reports WHERE source = $1", group)
	f.out.Reports += int(n)
	return err
}
