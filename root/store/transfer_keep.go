package store

import "context"

// keep decides whose an entry is that is replaced. It stays its owner's, with
// the power of the status URL, when the import names the same e-mail address, or
// none; otherwise owner is 0.
func (h *heldEntry) keep(e *Import, who []byte) (named *Import, identified []byte, owner int64) {
	switch {
	case e.Email == "":
		with := *e
		with.Email = h.email
		return &with, identity(&with.Server, with.Email), h.owner
	case normalEmail(e.Email) == normalEmail(h.email):
		return e, who, h.owner
	}
	return e, who, 0
}

// addNotes adds what admins have noted down to a page of entries, which follows
// the id last.
func (s *sqlStore) addNotes(ctx context.Context, page []Exported, last string) error {
	if len(page) == 0 {
		return nil
	}
	rows, err := s.r.QueryContext(ctx, `SELECT about AS entry, id, at, admin, note FROM notes
		WHERE kind = 'entry' AND about > $1 AND about <= $2
		UNION ALL SELECT r.entry, n.id, n.at, n.admin, n.note FROM notes n JOIN registrations r ON r.id = CAST(substr(n.about, 2) AS INTEGER)
		WHERE n.kind = 'registration' AND r.status IN ('approved', 'revoked') AND r.entry > $1 AND r.entry <= $2
		ORDER BY 3, 2`, last, page[len(page)-1].ID)
	all, err := readRows(rows, err, func(row scanner) (n Note, err error) {
		var id, at int64
		err = row.Scan(&n.About, &id, &at, &n.Admin, &n.Text)
		n.Kind, n.At = NoteEntry, unixTime(at)
		return n, err
	})
	about := make(map[string][]Note, len(all))
	for _, n := range all {
		about[n.About] = append(about[n.About], n)
	}
	for i := range page {
		notes := about[page[i].ID]
		page[i].Notes = notes[max(len(notes)-MaxNotes, 0):]
	}
	return err
}

// note takes the notes of an import that are not there yet, as far as there is
// room.
func (i *importer) note(done Imported, notes []Note) error {
	kind := NoteEntry
	switch {
	case done.Outcome == ImportConflict || len(notes) == 0:
		return nil
	case done.Outcome == ImportQueued:
		kind = NoteRegistration
	case done.Outcome == ImportSame:
		if _, err := parseID(done.ID); err == nil && !i.how.Approve {
			kind = NoteRegistration
		}
	}
	var have int
	if err := i.row("SELECT COUNT(*) FROM notes WHERE kind = $1 AND about = $2", kind, done.ID).Scan(&have); err != nil {
		return err
	}
	for _, n := range notes {
		var there bool
		err := i.row(`SELECT EXISTS (SELECT 1 FROM notes WHERE at = $1 AND admin = $2 AND note = $3 AND (kind = $4 AND about = $5
			OR kind = 'registration' AND about IN (SELECT 'r' || id FROM registrations WHERE entry = $5)))`,
			n.At.Unix(), n.Admin, n.Text, kind, done.ID).Scan(&there)
		if err != nil {
			return err
		}
		if there || have >= MaxNotes {
			continue
		}
		id, err := i.next("note")
		if err != nil {
			return err
		}
		if _, err := i.exec("INSERT INTO notes (id, kind, about, at, admin, note) VALUES ($1, $2, $3, $4, $5, $6)", id, kind, done.ID, n.At.Unix(), n.Admin, n.Text); err != nil {
			return err
		}
		have++
		i.notes++
	}
	return nil
}
