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
	// dropped in silence: nobody is told twice. So is one beyond [MaxMessages]
	// or [MaxPerRecipient].
	PutMessages(ctx context.Context, messages []Message) error

	// DueMessages returns messages of one channel to be sent at this time,
	// oldest first, at most limit.
	DueMessages(ctx context.Context, channel string, now time.Time, limit int) ([]Message, error)

	// WaitingChannels returns the channels for which messages wait.
	WaitingChannels(ctx context.Context) ([]string, error)

	// SettleMessage notes what came of a try: a message with Done is sent, or
	// with an Error given up; any other is tried again at Next. [ErrNotFound]
	// when there is no such message that waits.
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

// MaxPerRecipient is how many messages that are Bounded one e-mail address gets
// in 24 hours. Anybody can register under anybody's address.
const MaxPerRecipient = 20

// ByMail is the channel of e-mails. Any other is the name of a webhook.
const ByMail = ""

// A Message is an e-mail on its way, or what a webhook is to be told.
type Message struct {
	ID        int64
	Key       string // what it is about and to whom; never twice
	Channel   string // ByMail, or a webhook
	Recipient string // address; "" for a webhook
	Event     string // for programs, as "registration.approved"
	Subject   string
	Body      string // plain text with LF
	Details   string // for programs, JSON; "": none
	Created   time.Time
	Tries     int
	Next      time.Time // when it is tried, again or first
	Done      time.Time // when it was sent or given up; zero: it waits
	Error     string    // of the last try

	Bounded bool // MaxPerRecipient holds; not kept
}

const selectMessage = "SELECT id, key, channel, recipient, event, subject, body, details, created, tries, next, done, error FROM messages"

func readMessage(row scanner) (m Message, err error) {
	var created, next, done int64
	err = row.Scan(&m.ID, &m.Key, &m.Channel, &m.Recipient, &m.Event, &m.Subject, &m.Body, &m.Details, &created, &m.Tries, &next, &done, &m.Error)
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
		if err := t.putMessage(m, now); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) putMessage(m Message, now int64) error {
	welcome, err := t.welcome(m, now)
	if err != nil || !welcome {
		return err
	}
	id, err := t.next("message")
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO messages (id, key, channel, recipient, event, subject, body, details, created, next)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`,
		id, m.Key, m.Channel, m.Recipient, m.Event, m.Subject, m.Body, m.Details, now)
	return err
}

// welcome tells whether a message is stored, and takes a place for it.
func (t *tx) welcome(m Message, now int64) (bool, error) {
	var known, today int
	if err := t.row("SELECT COUNT(*) FROM messages WHERE key = $1", m.Key).Scan(&known); err != nil || known > 0 {
		return false, err
	}
	if m.Bounded {
		err := t.row("SELECT COUNT(*) FROM messages WHERE lower(recipient) = lower($1) AND created > $2 AND channel = ''",
			m.Recipient, now-24*60*60).Scan(&today)
		if err != nil || today >= MaxPerRecipient {
			return false, err
		}
	}
	n, err := t.exec("UPDATE counters SET value = value + 1 WHERE name = 'message-waiting' AND value < $1", MaxMessages)
	return n > 0, err
}

func (s *sqlStore) DueMessages(ctx context.Context, channel string, now time.Time, limit int) ([]Message, error) {
	rows, err := s.r.QueryContext(ctx, selectMessage+" WHERE done = 0 AND channel = $1 AND next <= $2 ORDER BY next, id LIMIT $3", channel, now.Unix(), limit)
	return readRows(rows, err, readMessage)
}

func (s *sqlStore) WaitingChannels(ctx context.Context) ([]string, error) {
	rows, err := s.r.QueryContext(ctx, "SELECT DISTINCT channel FROM messages WHERE done = 0 ORDER BY channel")
	return readRows(rows, err, func(row scanner) (name string, err error) { return name, row.Scan(&name) })
}

func (s *sqlStore) SettleMessage(ctx context.Context, m Message) error {
	return s.w.do(ctx, func(t *tx) error {
		n, err := t.exec("UPDATE messages SET tries = $1, next = $2, done = $3, error = $4 WHERE id = $5 AND done = 0",
			m.Tries, seconds(m.Next), seconds(m.Done), m.Error, m.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		if m.Done.IsZero() {
			return nil
		}
		_, err = t.exec("UPDATE counters SET value = value - 1 WHERE name = 'message-waiting'")
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
