package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Record is one link of the chain.
type Record struct {
	Number int64
	Event
	Previous Hash // of the record before
	Hash     Hash
}

// Link makes the record of an event that follows the record number-1, whose
// hash is previous. Texts are cleaned; see the package comment.
func Link(number int64, previous Hash, e Event) Record {
	e.Time = e.Time.UTC().Truncate(time.Second)
	e.Count = max(e.Count, 1)
	e.Admin, e.Action = clean(e.Admin, maxName), Action(clean(string(e.Action), maxName))
	e.Subject, e.Entry, e.Source = clean(e.Subject, maxName), clean(e.Entry, maxName), clean(e.Source, maxName)
	e.Detail = clean(e.Detail, maxDetail)
	r := Record{Number: number, Event: e, Previous: previous}
	r.Hash = r.Sum()
	return r
}

// recordText is the form of a record without its hash.
type recordText struct {
	Number   int64   `json:"number"`
	Time     string  `json:"time"`
	Admin    string  `json:"admin"`
	Action   Action  `json:"action"`
	Outcome  Outcome `json:"outcome"`
	Subject  string  `json:"subject"`
	Entry    string  `json:"entry"`
	Detail   string  `json:"detail"`
	Change   int64   `json:"change"`
	Count    int64   `json:"count"`
	Source   string  `json:"source"`
	Previous Hash    `json:"previous"`
}

// text returns what is hashed.
func (r *Record) text() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(recordText{ // into memory, of types that cannot fail
		r.Number, r.Time.UTC().Format(time.RFC3339), r.Admin, r.Action, r.Outcome,
		r.Subject, r.Entry, r.Detail, r.Change, r.Count, r.Source, r.Previous,
	})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Sum returns the hash that the record must have.
func (r *Record) Sum() Hash { return sha256.Sum256(r.text()) }

// AppendLine appends the record's line, with a line feed.
func (r *Record) AppendLine(b []byte) []byte {
	text := r.text()
	b = append(b, text[:len(text)-1]...)
	return fmt.Appendf(b, ",\"hash\":\"%s\"}\n", r.Hash)
}

// MarshalJSON returns the record's line without the line feed.
func (r Record) MarshalJSON() ([]byte, error) {
	return bytes.TrimSuffix(r.AppendLine(nil), []byte("\n")), nil
}

// MaxLine is above the longest line of a record, in bytes.
const MaxLine = 64 << 10

// ParseLine reads a line without its line feed. It takes exactly what
// [Record.AppendLine] writes. Whether the hash is right it does not say.
func ParseLine(line []byte) (Record, error) {
	var in struct {
		recordText
		Hash Hash `json:"hash"`
	}
	if len(line) > MaxLine {
		return Record{}, fmt.Errorf("is longer than %d bytes", MaxLine)
	}
	if err := json.Unmarshal(line, &in); err != nil {
		return Record{}, fmt.Errorf("is no record of an audit log: %w", err)
	}
	at, err := time.Parse(time.RFC3339, in.Time)
	if err != nil {
		return Record{}, fmt.Errorf("is no record of an audit log: its time is %q", in.Time)
	}
	r := Record{
		Number: in.Number, Previous: in.Previous, Hash: in.Hash,
		Event: Event{
			Time: at.UTC(), Admin: in.Admin, Action: in.Action, Outcome: in.Outcome, Subject: in.Subject,
			Entry: in.Entry, Detail: in.Detail, Change: in.Change, Count: in.Count, Source: in.Source,
		},
	}
	if again := r.AppendLine(nil); !bytes.Equal(again[:len(again)-1], line) {
		return Record{}, errors.New("is not written as the root writes it: members, their order, white space or escapes differ")
	}
	return r, nil
}
