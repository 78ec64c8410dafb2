package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// keptTokens is how many of the newest status tokens of a registration count
// beside its first one.
const keptTokens = 7

// A request is a [Request] made ready for the database.
type request struct {
	Request
	text     string // canonical JSON of the server
	identity []byte
	origin
}

// An origin says where a request came from, and when.
type origin struct {
	source  string
	group   string // what the limit per source counts
	network string // what the larger limit counts
	now     int64
}

func originOf(source netip.Addr, now time.Time) origin {
	return origin{source.Unmap().String(), sourceGroup(source), sourceNetwork(source), now.Unix()}
}

// A queue is where requests of one kind wait: names of tables and counters.
type queue struct{ registrations, tokens, pending string }

var (
	serverQueue = queue{"registrations", "status_tokens", "pending"}
	mirrorQueue = queue{"mirror_registrations", "mirror_status_tokens", "mirror-pending"}
)

func (s *sqlStore) Register(ctx context.Context, r Request, limits Limits) (Registration, error) {
	text, err := marshalRequested(r.Server)
	if err != nil {
		return Registration{}, err
	}
	q := &request{r, text, identity(&r.Server, r.Email), originOf(r.Source, s.now())}
	var out Registration
	err = s.w.do(ctx, func(t *tx) error {
		id, err := t.register(q, limits)
		if err != nil {
			return err
		}
		t.about(formatID(id))
		out, err = t.registration(id)
		return err
	})
	if err != nil {
		return Registration{}, err
	}
	return out, nil
}

// register updates the pending request of the same identity or makes a new
// one, and returns its number.
func (t *tx) register(q *request, limits Limits) (id int64, err error) {
	var requests int64
	err = t.row("SELECT id, requests FROM registrations WHERE identity = $1 AND status = 'pending'", q.identity).Scan(&id, &requests)
	if err == nil {
		return id, t.updateRequest(id, requests+1, q)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	if err := t.checkSource(serverQueue, q.origin, limits); err != nil {
		return 0, err
	}
	if err := t.enqueue(serverQueue, limits); err != nil {
		return 0, err
	}
	return t.insertRequest(q)
}

// checkSource refuses a request if the source, or the network it is in, has
// used up its share.
func (t *tx) checkSource(in queue, q origin, limits Limits) error {
	if limits.PerSource <= 0 {
		return nil
	}
	err := t.checkShare(in, "source_group", q.group, q.now, limits.PerSource, limits.window())
	if err != nil {
		return err
	}
	return t.checkShare(in, "source_network", q.network, q.now, limits.PerSource*NetworkFactor, limits.window())
}

// checkShare bounds the requests with this value of a column. The newest but
// most-1 of them must have left the window before another one may come.
func (t *tx) checkShare(in queue, column, value string, now int64, most int, duration time.Duration) error {
	window := int64(duration / time.Second)
	var created int64
	err := t.row("SELECT created FROM "+in.registrations+" WHERE "+column+" = $1 AND created > $2 "+
		"ORDER BY created DESC LIMIT 1 OFFSET $3", value, now-window, most-1).Scan(&created)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	wait := min(created+window-now, window) // at most the window, even if the clock was set back
	return &SourceLimitError{Limit: most, RetryAfter: time.Duration(wait) * time.Second}
}

func (l Limits) window() time.Duration {
	if l.Window <= 0 {
		return DefaultWindow
	}
	return max(l.Window, time.Second)
}

func (l Limits) queue() int64 {
	switch {
	case l.Queue == 0:
		return DefaultQueue
	case l.Queue < 0:
		return math.MaxInt64
	}
	return int64(l.Queue)
}

// enqueue takes a place in the queue. Two transactions cannot take the same
// one, since both change the row.
func (t *tx) enqueue(in queue, limits Limits) error {
	n, err := t.exec("UPDATE counters SET value = value + 1 WHERE name = $1 AND value < $2", in.pending, limits.queue())
	if err == nil && n == 0 {
		return ErrQueueFull
	}
	return err
}

func (t *tx) insertRequest(q *request) (int64, error) {
	id, err := t.next("registration")
	if err != nil {
		return 0, err
	}
	_, err = t.exec(`INSERT INTO registrations
		(id, status, server, identity, email, source, source_group, source_network, last_source, created, updated, requests)
		VALUES ($1, 'pending', $2, $3, $4, $5, $6, $7, $5, $8, $8, 1)`,
		id, q.text, q.identity, q.Email, q.source, q.group, q.network, q.now)
	if err != nil {
		return 0, err
	}
	if err := t.claim(id, &q.Server); err != nil {
		return 0, err
	}
	return id, t.addOwnerToken(id, 1, q.Token, true)
}

func (t *tx) updateRequest(id, requests int64, q *request) error {
	_, err := t.exec(`UPDATE registrations
		SET revision = revision + CASE WHEN server <> $1 THEN 1 ELSE 0 END,
		server = $1, email = $2, last_source = $3, updated = $4, requests = $5 WHERE id = $6`,
		q.text, q.Email, q.source, q.now, requests, id)
	if err != nil {
		return err
	}
	if err := t.claimFor(id, &q.Server); err != nil {
		return err
	}
	var first string
	if err := t.row("SELECT source_group FROM registrations WHERE id = $1", id).Scan(&first); err != nil {
		return err
	}
	return t.addOwnerToken(id, requests, q.Token, first == q.group)
}

// addOwnerToken adds a token that opens the status and may be the owner's.
func (t *tx) addOwnerToken(id, request int64, hash TokenHash, owner bool) error {
	_, err := t.exec("INSERT INTO status_tokens (registration, request, hash, owner) VALUES ($1, $2, $3, $4)", id, request, hash[:], oneIf(owner))
	if err != nil {
		return err
	}
	return t.dropOldTokens(serverQueue, id, request)
}

// addToken lets one more token open the status.
func (t *tx) addToken(in queue, id, request int64, hash TokenHash) error {
	_, err := t.exec("INSERT INTO "+in.tokens+" (registration, request, hash) VALUES ($1, $2, $3)", id, request, hash[:])
	if err != nil {
		return err
	}
	return t.dropOldTokens(in, id, request)
}

// dropOldTokens keeps the first token and the newest ones. The first one stays
// valid for ever: whoever repeats the request must not be able to take it away.
func (t *tx) dropOldTokens(in queue, id, request int64) error {
	if request <= keptTokens {
		return nil
	}
	_, err := t.exec("DELETE FROM "+in.tokens+" WHERE registration = $1 AND request > 1 AND request <= $2", id, request-keptTokens)
	return err
}

func (s *sqlStore) Status(ctx context.Context, id string, token Token) (Registration, error) {
	number, err := parseID(id)
	if err != nil {
		return Registration{}, err
	}
	hash := token.Hash()
	ok, err := s.anyHash(ctx, hash, "SELECT '', hash FROM status_tokens WHERE registration = $1", number)
	if err != nil {
		return Registration{}, err
	}
	if ok == nil {
		return Registration{}, ErrNotFound
	}
	return readRegistration(s.r.QueryRowContext(ctx, selectRegistration+" WHERE r.id = $1", number))
}

// anyHash returns the name beside the hash that equals the given one, nil if
// there is none. It compares all of them, each in constant time.
func (s *sqlStore) anyHash(ctx context.Context, hash TokenHash, query string, args ...any) (*string, error) {
	rows, err := s.r.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var found *string
	for rows.Next() {
		var name string
		var stored []byte
		if err := rows.Scan(&name, &stored); err != nil {
			return nil, err
		}
		if hash.equal(stored) {
			found = &name
		}
	}
	return found, explain(rows.Err())
}

// selectRegistration ends before WHERE. While a registration is pending, its
// entry is the listed one of the same identity.
const selectRegistration = `SELECT r.id, r.status, r.server, r.email, r.source, r.last_source,
	r.created, r.updated, r.requests, r.revision, r.kind, r.signed, COALESCE(e.id, r.entry), r.decided, r.admin, r.reason
	FROM registrations r LEFT JOIN entries e
	ON r.status = 'pending' AND e.identity = r.identity AND e.state = 'listed'`

func (t *tx) registration(id int64) (Registration, error) {
	return readRegistration(t.row(selectRegistration+" WHERE r.id = $1", id))
}

func readRegistration(row scanner) (Registration, error) {
	var r Registration
	var id, created, updated, decided, signed int64
	var server, source, last string
	err := row.Scan(&id, &r.Status, &server, &r.Email, &source, &last,
		&created, &updated, &r.Requests, &r.Revision, &r.Kind, &signed, &r.Entry, &decided, &r.Admin, &r.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		return Registration{}, ErrNotFound
	}
	if err != nil {
		return Registration{}, explain(err)
	}
	r.ID, r.Signed = formatID(id), signed != 0
	r.Source, _ = netip.ParseAddr(source) // written by us; "invalid IP" reads as the zero Addr
	r.LastSource, _ = netip.ParseAddr(last)
	r.Created, r.Updated, r.Decided = unixTime(created), unixTime(updated), unixTime(decided)
	r.Server, err = unmarshalRequested(server)
	return r, err
}

// placeholderID stands in the JSON of a requested server, which has no id yet
// and needs one to be valid.
const placeholderID = "requested"

func marshalRequested(s serverlist.Server) (string, error) {
	s.ID = placeholderID
	text, err := s.MarshalJSON() // json.Marshal would escape "<"
	return string(text), err
}

func unmarshalRequested(text string) (serverlist.Server, error) {
	var s serverlist.Server
	err := s.UnmarshalJSON([]byte(text))
	s.ID = ""
	return s, err
}

func formatID(n int64) string { return "r" + strconv.FormatInt(n, 10) }

// parseID reads what formatID wrote, and only in that spelling.
func parseID(id string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(id, "r"), 10, 64)
	if err != nil || formatID(n) != id {
		return 0, ErrNotFound
	}
	return n, nil
}

// unixTime returns the zero time for 0.
func unixTime(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
