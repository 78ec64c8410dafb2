package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// pageSize is how many pending registrations are read at once.
const pageSize = 200

// A claim is something that an entry or a request has for itself.
type claim struct {
	kind  ConflictKind
	value string
}

// claimsOf returns the claims of a server, each once.
func claimsOf(s *serverlist.Server) []claim {
	claims := []claim{{SameName, normalName(s.Name)}, {LooksAlike, lookAlike(s.Name)}}
	for _, a := range normalAddresses(s.Addresses) {
		claims = append(claims, claim{SameAddress, a})
	}
	if s.Key != "" {
		claims = append(claims, claim{SameKey, normalKey(s.Key)})
	}
	return claims
}

// claimFor replaces the claims of a pending registration.
func (t *tx) claimFor(id int64, s *serverlist.Server) error {
	if err := t.dropClaims(id); err != nil {
		return err
	}
	return t.claim(id, s)
}

// claim adds the claims of a registration that has none.
func (t *tx) claim(id int64, s *serverlist.Server) error {
	for _, c := range claimsOf(s) {
		if _, err := t.exec("INSERT INTO registration_claims (kind, value, registration) VALUES ($1, $2, $3)", c.kind, c.value, id); err != nil {
			return err
		}
	}
	return nil
}

// keepAddresses remembers the addresses of a registration that is being decided.
// The kind is compared as an expression, here and below, so that SQLite looks the
// claims up by their owner and does not read all addresses there are.
func (t *tx) keepAddresses(id int64) error {
	_, err := t.exec(`INSERT INTO past_addresses (value, registration)
		SELECT value, registration FROM registration_claims WHERE registration = $1 AND kind || '' = 'address' ON CONFLICT DO NOTHING`, id)
	return err
}

// inheritClaims lets an entry claim the addresses that the root has found out
// about its registration.
func (t *tx) inheritClaims(id int64, entry string) error {
	_, err := t.exec(`INSERT INTO entry_claims (kind, value, entry)
		SELECT kind, value, $2 FROM registration_claims WHERE registration = $1 AND kind || '' = 'address' ON CONFLICT DO NOTHING`, id, entry)
	return err
}

func (t *tx) dropClaims(id int64) error {
	_, err := t.exec("DELETE FROM registration_claims WHERE registration = $1", id)
	return err
}

// claimForEntry replaces the claims of a listed entry.
func (t *tx) claimForEntry(s *serverlist.Server) error {
	if err := t.dropEntryClaims(s.ID); err != nil {
		return err
	}
	for _, c := range claimsOf(s) {
		if _, err := t.exec("INSERT INTO entry_claims (kind, value, entry) VALUES ($1, $2, $3)", c.kind, c.value, s.ID); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) dropEntryClaims(entry string) error {
	_, err := t.exec("DELETE FROM entry_claims WHERE entry = $1", entry)
	return err
}

func (s *sqlStore) Review(ctx context.Context, id string) (Review, error) {
	number, err := parseID(id)
	if err != nil {
		return Review{}, err
	}
	r, err := readRegistration(s.r.QueryRowContext(ctx, selectRegistration+" WHERE r.id = $1", number))
	if err != nil {
		return Review{}, err
	}
	f, err := s.newConflictFinder(ctx, number, number)
	if err != nil {
		return Review{}, err
	}
	return f.review(ctx, r)
}

func (s *sqlStore) Pending(ctx context.Context, each func(Review) error) error {
	last := int64(0)
	for {
		page, err := s.pendingPage(ctx, last)
		if err != nil || len(page) == 0 {
			return err
		}
		first := last + 1
		if last, err = parseID(page[len(page)-1].ID); err != nil {
			return err
		}
		f, err := s.newConflictFinder(ctx, first, last)
		if err != nil {
			return err
		}
		for _, r := range page {
			review, err := f.review(ctx, r)
			if err != nil {
				return err
			}
			if err := each(review); err != nil {
				return err
			}
		}
	}
}

func (s *sqlStore) pendingPage(ctx context.Context, after int64) ([]Registration, error) {
	rows, err := s.r.QueryContext(ctx, selectRegistration+
		" WHERE r.status = 'pending' AND r.id > $1 ORDER BY r.id LIMIT $2", after, pageSize)
	return readRows(rows, err, readRegistration)
}

// A conflictFinder finds the conflicts of a page of registrations. It asks
// first which of their claims are contested at all, and remembers who else
// makes those: the requests of a flood often claim the same.
type conflictFinder struct {
	s         *sqlStore
	contested map[string][]claim // by registration
	owner     map[claim][]Conflict
	findings  map[string]*Findings // by registration
}

// newConflictFinder prepares for the pending registrations from first to last.
func (s *sqlStore) newConflictFinder(ctx context.Context, first, last int64) (*conflictFinder, error) {
	rows, err := s.r.QueryContext(ctx, `SELECT registration, kind, value FROM registration_claims c
		WHERE registration BETWEEN $1 AND $2 AND (
		EXISTS (SELECT 1 FROM entry_claims o WHERE o.kind = c.kind AND o.value = c.value) OR
		EXISTS (SELECT 1 FROM registration_claims o WHERE o.kind = c.kind AND o.value = c.value
			AND o.registration <> c.registration)) ORDER BY registration, kind, value`, first, last)
	f := &conflictFinder{s: s, contested: make(map[string][]claim), owner: make(map[claim][]Conflict)}
	_, err = readRows(rows, err, func(row scanner) (c claim, err error) {
		var id int64
		err = row.Scan(&id, &c.kind, &c.value)
		f.contested[formatID(id)] = append(f.contested[formatID(id)], c)
		return c, err
	})
	if err != nil {
		return nil, err
	}
	f.findings, err = s.readFindings(ctx, first, last)
	return f, err
}

// review adds what the registration has in common with others, entries first.
// What is decided conflicts with nothing any more.
func (f *conflictFinder) review(ctx context.Context, r Registration) (Review, error) {
	review := Review{Registration: r, Findings: f.findings[r.ID]}
	if r.Status != Pending {
		return review, nil
	}
	var all []Conflict
	for _, c := range f.contested[r.ID] {
		owners, err := f.owners(ctx, c)
		if err != nil {
			return Review{}, err
		}
		for _, o := range owners {
			if o.Registration != r.ID && (o.Entry == "" || o.Entry != r.Entry) { // not itself
				all = append(all, o)
			}
		}
	}
	review.Conflicts = arrange(&r.Server, all)
	return review, nil
}

// arrange puts conflicts into the order in which an admin reads them: entries
// first, of each kind the most certain first. It leaves out that a name looks
// like one that it is.
func arrange(s *serverlist.Server, all []Conflict) []Conflict {
	own := normalAddresses(s.Addresses)
	same := make(map[string]bool)
	for i, c := range all {
		switch {
		case c.Kind == SameName:
			same[c.Entry+c.Registration] = true
		case c.Kind == SameAddress && !slices.Contains(own, c.Value):
			all[i].Kind = SameHost
		}
	}
	all = slices.DeleteFunc(all, func(c Conflict) bool { return c.Kind == LooksAlike && same[c.Entry+c.Registration] })
	slices.SortStableFunc(all, func(a, b Conflict) int {
		return cmp.Or(compareBool(a.Entry == "", b.Entry == ""), cmp.Compare(weight(a.Kind), weight(b.Kind)))
	})
	return slices.Clip(all[:min(len(all), MaxConflicts)])
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func weight(k ConflictKind) int {
	return slices.Index([]ConflictKind{SameKey, SameName, SameAddress, SameHost, LooksAlike}, k)
}

// owners returns who claims c: the first entries and the first registrations,
// of each one more than a review shows, since the asker may be among them.
func (f *conflictFinder) owners(ctx context.Context, c claim) ([]Conflict, error) {
	if known, ok := f.owner[c]; ok {
		return known, nil
	}
	entries, err := f.find(ctx, c, "SELECT entry, 0 FROM entry_claims WHERE kind = $1 AND value = $2 ORDER BY entry LIMIT $3")
	if err != nil {
		return nil, err
	}
	requests, err := f.find(ctx, c, "SELECT '', registration FROM registration_claims WHERE kind = $1 AND value = $2 ORDER BY registration LIMIT $3")
	if err != nil {
		return nil, err
	}
	f.owner[c] = append(entries, requests...)
	return f.owner[c], nil
}

func (f *conflictFinder) find(ctx context.Context, c claim, query string) ([]Conflict, error) {
	rows, err := f.s.r.QueryContext(ctx, query, c.kind, c.value, MaxConflicts+1)
	return readRows(rows, err, func(row scanner) (Conflict, error) {
		conflict := Conflict{Kind: c.kind, Value: c.value}
		var id int64
		err := row.Scan(&conflict.Entry, &id)
		if id != 0 {
			conflict.Registration = formatID(id)
		}
		return conflict, err
	})
}
