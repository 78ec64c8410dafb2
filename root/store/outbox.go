package store

import (
	"context"
	"time"
)

// Outbox is the part of a [Store] that keeps messages until they are sent. They
// enter it with the change that they tell of, in [Store.RecordChecks] and the
// decisions about mirrors, or by [Store.PutMessages].
type Outbox interface {
	// PutMessages stores messages. One whose key is known, sent or not, is
	// dropped in silence: nobody is told twice.
	PutMessages(ctx context.Context, messages []Message) error

	// DueMessages returns messages to be sent at this time, oldest first, at
	// most limit.
	DueMessages(ctx context.Context, now time.Time, limit int) ([]Message, error)

	// SettleMessage notes what came of a try: a message with Done is sent, or
	// with an Error given up; any other is tried again at Next. [ErrNotFound].
	SettleMessage(ctx context.Context, m Message) error

	// Messages returns the newest messages, newest first, at most limit.
	Messages(ctx context.Context, limit int) ([]Message, error)

	// PruneMessages forgets messages that were done before the given time, and
	// returns how many.
	PruneMessages(ctx context.Context, before time.Time) (int, error)
}

// MaxMessages is how many messages may wait in the outbox. Those beyond it are
// dropped: a mail server that is away for months does not fill the disk.
const MaxMessages = 10_000

// A Message is an e-mail on its way.
type Message struct {
	ID        int64
	Key       string // what it is about and to whom; never twice
	Recipient string // address
	Subject   string
	Body      string // plain text with LF
	Created   time.Time
	Tries     int
	Next      time.Time // when it is tried, again or first
	Done      time.Time // when it was sent or given up; zero: it waits
	Error     string    // of the last try
}

const selectMessage = "SELECT id, key, recipient, subject, body, created, tries, next, done, error FROM messages"

func readMessage(row scanner) (m Message, err error) {
	var created, next, done int64
	err = row.Scan(&m.ID, &m.Key, &m.Recipient, &m.Subject, &m.Body, &created, &m.Tries, &next, &done, &m.Error)
	m.Created, m.Next, m.Done = unixTime(created), unixTime(next), unixTime(done)
	return m, err
}

func (s *sqlStore) PutMessages(ctx context.Context, messages []Message) error {
	if len(messages) == 0 {
		return nil
	}
	now := s.now().Unix()
	return s.w.do(ctx, func(t *tx) error { return t.putMessages(messages, now) })
}

func (t *tx) putMessages(messages []Message, now int64) error {
	for _, m := range messages {
		id, err := t.next("message")
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO messages (id, key, recipient, subject, body, created, next)
			SELECT $1, $2, $3, $4, $5, $6, $6 WHERE (SELECT COUNT(*) FROM messages WHERE done = 0) < $7
			ON CONFLICT DO NOTHING`, id, m.Key, m.Recipient, m.Subject, m.Body, now, MaxMessages)
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sqlStore) DueMessages(ctx context.Context, now time.Time, limit int) ([]Message, error) {
	rows, err := s.r.QueryContext(ctx, selectMessage+" WHERE done = 0 AND next <= $1 ORDER BY next, id LIMIT $2", now.Unix(), limit)
	return readRows(rows, err, readMessage)
}

func (s *sqlStore) SettleMessage(ctx context.Context, m Message) error {
	return s.w.do(ctx, func(t *tx) error {
		n, err := t.exec("UPDATE messages SET tries = $1, next = $2, done = $3, error = $4 WHERE id = $5",
			m.Tries, seconds(m.Next), seconds(m.Done), m.Error, m.ID)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

func (s *sqlStore) Messages(ctx context.Context, limit int) ([]Message, error) {
	rows, err := s.r.QueryContext(ctx, selectMessage+" ORDER BY id DESC LIMIT $1", limit)
	return readRows(rows, err, readMessage)
}

func (s *sqlStore) PruneMessages(ctx context.Context, before time.Time) (int, error) {
	var n int64
	err := s.w.do(ctx, func(t *tx) (err error) {
		n, err = t.exec("DELETE FROM messages WHERE done > 0 AND done < $1", before.Unix())
		return err
	})
	return int(n), err
}

// seconds is the inverse of unixTime.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
