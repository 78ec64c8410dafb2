package store

import "context"

// EntryStore is the part of a [Store] that shows admins what there is.
type EntryStore interface {
	// Entries calls each with the entries that a filter chooses, in the order of
	// their ids, and stops at its first error, which it returns. It reads in
	// pages, so that a slow caller holds up nobody.
	Entries(ctx context.Context, f EntryFilter, each func(Entry) error) error

	// RegistrationsOf returns the registrations about an entry, newest first, at
	// most limit.
	RegistrationsOf(ctx context.Context, entry string, limit int) ([]Registration, error)
}

// An EntryFilter chooses entries. Its zero value chooses all.
type EntryFilter struct {
	Game  string
	State EntryState
}

func (s *sqlStore) Entries(ctx context.Context, f EntryFilter, each func(Entry) error) error {
	after := ""
	for {
		page, err := s.entriesPage(ctx, f.State, after)
		if err != nil {
			return err
		}
		for _, e := range page {
			after = e.Server.ID
			if f.Game != "" && e.Server.Game != f.Game {
				continue
			}
			if err := each(e); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
	}
}

func (s *sqlStore) entriesPage(ctx context.Context, state EntryState, after string) ([]Entry, error) {
	rows, err := s.r.QueryContext(ctx, selectEntries+` WHERE id > $1 AND ($2 = '' OR
		$2 = CASE WHEN state = 'listed' AND suspended > 0 THEN 'suspended' ELSE state END) ORDER BY id LIMIT $3`, after, state, pageSize)
	return readRows(rows, err, readEntry)
}

func (s *sqlStore) RegistrationsOf(ctx context.Context, entry string, limit int) ([]Registration, error) {
	rows, err := s.r.QueryContext(ctx, selectRegistration+" WHERE r.entry = $1 AND r.entry <> '' ORDER BY r.id DESC LIMIT $2", entry, limit)
	return readRows(rows, err, readRegistration)
}
