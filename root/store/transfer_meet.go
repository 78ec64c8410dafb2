package store

import (
	"database/sql"
	"errors"
)

// A heldEntry is the entry that has the id of one to be imported.
type heldEntry struct {
	state    EntryState
	server   string
	identity string
	owner    int64  // number of the registration
	email    string // of the owner

	suspended, resumes int64 // as [tx].entry reads them
	why                string
	allowed            []string
}

func (i *importer) held(id string) (*heldEntry, error) {
	var h heldEntry
	var who []byte
	var allowed string
	err := i.row(`SELECT e.state, e.server, e.identity, e.owner, COALESCE(r.email, ''), e.suspended, e.resumes, e.suspended_why, e.allowed
		FROM entries e LEFT JOIN registrations r ON r.id = e.owner WHERE e.id = $1`, id).Scan(
		&h.state, &h.server, &who, &h.owner, &h.email, &h.suspended, &h.resumes, &h.why, &allowed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	h.identity, h.allowed = string(who), parseAllowed(allowed)
	return &h, err
}

// meet decides about an entry whose id is there already.
func (i *importer) meet(e *Import, held *heldEntry, who []byte) (Imported, error) {
	id := e.Server.ID
	text, err := e.Server.MarshalJSON()
	if err != nil {
		return Imported{}, err
	}
	listed := held.state == EntryListed
	sameContent := held.server == string(text) && (e.Email == "" || held.identity == string(who))
	differs := held.differs(e)
	switch {
	case !listed && e.Revoked && held.state == EntryRevoked:
		return Imported{Outcome: ImportSame, ID: id}, nil
	case !listed:
		return conflictf(id, "the entry is %s here, and its id is never given again", held.state)
	case e.Revoked:
		return conflictf(id, "the entry is listed here; revoke it if that is meant")
	case sameContent && (differs == "" || !i.how.Approve):
		return Imported{Outcome: ImportSame, ID: id}, nil
	case sameContent && !i.how.Replace:
		return conflictf(id, "%s", differs)
	case held.server == string(text) && !i.how.Replace:
		return conflictf(id, "the entry is the same and belongs to another e-mail address here")
	case !i.how.Replace:
		return conflictf(id, "the entry has another content here")
	case !i.how.Approve:
		return conflictf(id, "the entry has another content here, and only what is approved at once replaces it")
	}
	e, who, owner := held.keep(e, who)
	if other, err := i.listedAs(who); err != nil || other != "" && other != id {
		if err != nil {
			return Imported{}, err
		}
		return conflictf(id, "the same server of the same person is listed as %q", other)
	}
	if err := i.dropEntryClaims(id); err != nil {
		return Imported{}, err
	}
	if err := i.list(e, who, string(text), owner); err != nil {
		return Imported{}, err
	}
	return Imported{Outcome: ImportReplaced, ID: id}, nil
}
