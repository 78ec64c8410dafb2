package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// NormalURL returns the form in which the URLs of mirrors are compared: http
// and https of one host are one place, and so are a folder and the server list
// in it.
func NormalURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	port := u.Port()
	if port == "" || port == "80" && u.Scheme == "http" || port == "443" && u.Scheme == "https" {
		port = "0" // no place has it
	}
	place := strings.TrimSuffix(NormalAddress(net.JoinHostPort(u.Hostname(), port)), ":0")
	path := u.Path
	if folder, ok := strings.CutSuffix(path, "/server.list"); ok && u.RawQuery == "" {
		path = folder + "/"
	}
	if path == "" {
		path = "/"
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return place + path
}

// normalURLs returns the set of places of a mirror, ordered.
func normalURLs(m *serverlist.Mirror) []string {
	set := make([]string, len(m.URLs))
	for i, u := range m.URLs {
		set[i] = NormalURL(u)
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// mirrorIdentity says whose request for which mirror it is.
func mirrorIdentity(m *serverlist.Mirror, email string) []byte {
	sum := sha256.Sum256([]byte(m.ID + "\n" + normalEmail(email)))
	return sum[:]
}

// A mirrorRequest is a [MirrorRequest] made ready for the database.
type mirrorRequest struct {
	MirrorRequest
	text     string
	identity []byte
	origin
}

func (s *sqlStore) RegisterMirror(ctx context.Context, r MirrorRequest, limits Limits) (MirrorRegistration, error) {
	text, err := r.Mirror.MarshalJSON()
	if err != nil {
		return MirrorRegistration{}, err
	}
	q := &mirrorRequest{r, string(text), mirrorIdentity(&r.Mirror, r.Email), originOf(r.Source, s.now())}
	var out MirrorRegistration
	err = s.w.do(ctx, func(t *tx) error {
		id, err := t.registerMirror(q, limits)
		if err != nil {
			return err
		}
		t.about(formatMirrorID(id))
		out, err = t.mirrorRegistration(id)
		return err
	})
	if err != nil {
		return MirrorRegistration{}, err
	}
	return out, nil
}

func (t *tx) registerMirror(q *mirrorRequest, limits Limits) (id int64, err error) {
	var requests int64
	err = t.row("SELECT id, requests FROM mirror_registrations WHERE identity = $1 AND status = 'pending'", q.identity).Scan(&id, &requests)
	switch {
	case err == nil:
		return id, t.updateMirrorRequest(id, requests+1, q)
	case !errors.Is(err, sql.ErrNoRows):
		return 0, err
	}
	if err := t.checkSource(mirrorQueue, q.origin, limits); err != nil {
		return 0, err
	}
	if err := t.enqueue(mirrorQueue, limits); err != nil {
		return 0, err
	}
	return t.insertMirrorRequest(q)
}

func (t *tx) insertMirrorRequest(q *mirrorRequest) (int64, error) {
	id, err := t.next("mirror-registration")
	if err != nil {
		return 0, err
	}
	_, err = t.exec(`INSERT INTO mirror_registrations
		(id, status, mirror, identity, email, source, source_group, source_network, last_source, created, updated, requests)
		VALUES ($1, 'pending', $2, $3, $4, $5, $6, $7, $5, $8, $8, 1)`,
		id, q.text, q.identity, q.Email, q.source, q.group, q.network, q.now)
	if err != nil {
		return 0, err
	}
	if err := t.claimForMirror(id, &q.Mirror); err != nil {
		return 0, err
	}
	return id, t.addToken(mirrorQueue, id, 1, q.Token)
}

func (t *tx) updateMirrorRequest(id, requests int64, q *mirrorRequest) error {
	_, err := t.exec(`UPDATE mirror_registrations
		SET revision = revision + CASE WHEN mirror <> $1 THEN 1 ELSE 0 END,
		mirror = $1, email = $2, last_source = $3, updated = $4, requests = $5 WHERE id = $6`,
		q.text, q.Email, q.source, q.now, requests, id)
	if err != nil {
		return err
	}
	if err := t.claimForMirror(id, &q.Mirror); err != nil {
		return err
	}
	return t.addToken(mirrorQueue, id, requests, q.Token)
}

// claimForMirror replaces the claims of a pending request.
func (t *tx) claimForMirror(id int64, m *serverlist.Mirror) error {
	if err := t.dropMirrorClaims(id); err != nil {
		return err
	}
	for _, c := range mirrorClaims(m) {
		if _, err := t.exec("INSERT INTO mirror_claims (kind, value, registration) VALUES ($1, $2, $3)", c.kind, c.value, id); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) dropMirrorClaims(id int64) error {
	_, err := t.exec("DELETE FROM mirror_claims WHERE registration = $1", id)
	return err
}

func mirrorClaims(m *serverlist.Mirror) []claim {
	claims := []claim{{SameID, m.ID}}
	for _, u := range normalURLs(m) {
		claims = append(claims, claim{SameURL, u})
	}
	return claims
}

func (s *sqlStore) MirrorStatus(ctx context.Context, id string, token Token) (MirrorRegistration, error) {
	number, err := parseMirrorID(id)
	if err != nil {
		return MirrorRegistration{}, err
	}
	ok, err := s.anyHash(ctx, token.Hash(), "SELECT '', hash FROM mirror_status_tokens WHERE registration = $1", number)
	if err != nil {
		return MirrorRegistration{}, err
	}
	if ok == nil {
		return MirrorRegistration{}, ErrNotFound
	}
	return readMirrorRegistration(s.r.QueryRowContext(ctx, selectMirrorRegistration+" WHERE r.id = $1", number))
}

// selectMirrorRegistration ends before WHERE. While a registration is pending,
// its entry is the listed mirror of the same identity.
const selectMirrorRegistration = `SELECT r.id, r.status, r.mirror, r.email, r.source, r.last_source,
	r.created, r.updated, r.requests, r.revision, COALESCE(m.id, r.entry), r.decided, r.admin, r.reason
	FROM mirror_registrations r LEFT JOIN mirrors m ON r.status = 'pending' AND m.identity = r.identity`

func (t *tx) mirrorRegistration(id int64) (MirrorRegistration, error) {
	return readMirrorRegistration(t.row(selectMirrorRegistration+" WHERE r.id = $1", id))
}

func readMirrorRegistration(row scanner) (MirrorRegistration, error) {
	var r MirrorRegistration
	var id, created, updated, decided int64
	var text []byte
	var source, last string
	err := row.Scan(&id, &r.Status, &text, &r.Email, &source, &last,
		&created, &updated, &r.Requests, &r.Revision, &r.Entry, &decided, &r.Admin, &r.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		return MirrorRegistration{}, ErrNotFound
	}
	if err != nil {
		return MirrorRegistration{}, explain(err)
	}
	r.ID = formatMirrorID(id)
	r.Source, _ = netip.ParseAddr(source) // written by us
	r.LastSource, _ = netip.ParseAddr(last)
	r.Created, r.Updated, r.Decided = unixTime(created), unixTime(updated), unixTime(decided)
	return r, r.Mirror.UnmarshalJSON(text)
}

func formatMirrorID(n int64) string { return "m" + strconv.FormatInt(n, 10) }

// parseMirrorID reads what formatMirrorID wrote, and only in that spelling.
func parseMirrorID(id string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(id, "m"), 10, 64)
	if err != nil || formatMirrorID(n) != id {
		return 0, ErrNotFound
	}
	return n, nil
}
