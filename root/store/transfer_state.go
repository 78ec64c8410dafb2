package store

import (
	"cmp"
	"slices"
	"strings"
)

const selectExported = `SELECT e.id, e.server, e.state, COALESCE(r.email, ''), e.registration, e.created, e.updated, e.reason,
	e.suspended, e.resumes, e.suspended_by, e.suspended_why, e.allowed
	FROM entries e LEFT JOIN registrations r ON r.id = e.registration`

func readExported(row scanner) (e Exported, err error) {
	var registration, created, updated, since, resumes int64
	var p Suspension
	var allowed string
	err = row.Scan(&e.ID, &e.Server, &e.State, &e.Email, &registration, &created, &updated, &e.Reason,
		&since, &resumes, &p.Admin, &p.Reason, &allowed)
	if registration > 0 {
		e.Registration = formatID(registration)
	}
	e.Created, e.Updated, e.Allowed = unixTime(created), unixTime(updated), parseAllowed(allowed)
	if since > 0 && e.State == EntryListed { // one that was revoked later stays revoked
		p.Entry, p.Since, p.Ends = e.ID, unixTime(since), unixTime(resumes)
		e.State, e.Suspended = EntrySuspended, &p
	}
	return e, err
}

// current returns an entry as it is now: without a suspension that is over.
func (i *importer) current(e *Import) *Import {
	if p := e.Suspended; p == nil || p.Ends.IsZero() || p.Ends.Unix() > i.now {
		return e
	}
	now := *e
	now.Suspended = nil
	return &now
}

// restrict gives an entry the suspension that it comes with, and what its key may
// change. An import that says nothing about them changes neither.
func (i *importer) restrict(e *Import) error {
	if p := e.Suspended; p != nil {
		_, err := i.exec(`UPDATE entries SET suspended = CASE WHEN suspended > 0 THEN suspended ELSE $1 END,
			resumes = $2, suspended_by = $3, suspended_why = $4 WHERE id = $5`,
			i.now, seconds(p.Ends), cmp.Or(p.Admin, i.admin), p.Reason, e.Server.ID)
		if err != nil {
			return err
		}
	}
	if e.Allowed == nil {
		return nil
	}
	_, err := i.exec("UPDATE entries SET allowed = $1 WHERE id = $2", allowedText(e.Allowed), e.Server.ID)
	return err
}

// differs says what an import would change of an entry besides its content; "":
// nothing.
func (h *heldEntry) differs(e *Import) string {
	p := e.Suspended
	switch {
	case p != nil && h.suspended == 0:
		return "the entry is listed here; suspend it if that is meant"
	case p != nil && (h.resumes != seconds(p.Ends) || h.why != p.Reason):
		return "the entry is suspended for another reason or time here; suspend it again if the other is meant"
	case e.Allowed != nil && (h.allowed == nil || allowedText(e.Allowed) != allowedText(h.allowed)):
		return "the entry's key may change " + allowedWords(h.allowed) + " here; allow " + allowedWords(e.Allowed) + " if that is meant"
	}
	return ""
}

func allowedWords(members []string) string {
	switch {
	case members == nil:
		return "what the root allows"
	case len(members) == 0:
		return "nothing"
	}
	return strings.Join(slices.Sorted(slices.Values(members)), ", ")
}
