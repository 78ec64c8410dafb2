package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// BlockStore is the part of a [Store] that keeps blocks: who and what may not
// ask for anything.
type BlockStore interface {
	// AddBlock adds a block, or gives the one of the same kind and value another
	// reason and end. Its ID and Created are ignored. The value is in normal
	// form. [*TooManyError] beyond MaxBlocks or MaxPatterns.
	AddBlock(ctx context.Context, b Block) (Block, error)

	// RemoveBlock removes a block. [ErrNotFound].
	RemoveBlock(ctx context.Context, id, admin string) error

	// Blocks returns all blocks, those that have ended too, oldest first.
	Blocks(ctx context.Context) ([]Block, error)
}

// A Block is who or what may not ask for anything.
type Block struct {
	ID      string // "b" and a number
	Kind    BlockKind
	Value   string
	Reason  string // for admins only
	Public  string // what who is refused reads; "": nothing in particular
	Admin   string // who made it
	Created time.Time
	Ends    time.Time // zero: never
}

// BlockKind says what the value of a block is.
type BlockKind string

// The kinds of blocks.
const (
	BlockNetwork BlockKind = "network" // addresses, as "192.0.2.0/24"
	BlockDomain  BlockKind = "domain"  // a name and all below it
	BlockPattern BlockKind = "pattern" // of texts
)

// Bounds on the number of blocks. Patterns are compared one by one with every
// request, the others are looked up.
const (
	MaxBlocks   = 100_000
	MaxPatterns = 1000
)

// Actions about blocks.
const (
	ActionBlock   Action = "block"
	ActionUnblock Action = "unblock"
)

// A TooManyError refuses one more of something.
type TooManyError struct {
	What string // "blocks"
	Most int
}

func (e *TooManyError) Error() string {
	return fmt.Sprintf("there are %d %s, which is the most; remove some that have done their work", e.Most, e.What)
}

func formatBlockID(n int64) string { return "b" + strconv.FormatInt(n, 10) }

func parseBlockID(id string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(id, "b"), 10, 64)
	if err != nil || formatBlockID(n) != id {
		return 0, ErrNotFound
	}
	return n, nil
}

func (s *sqlStore) AddBlock(ctx context.Context, b Block) (out Block, err error) {
	err = s.decide(ctx, b.Admin, func(d *decider) error {
		if err := d.roomForBlock(b); err != nil {
			return err
		}
		id, err := d.next("block")
		if err != nil {
			return err
		}
		_, err = d.exec(`INSERT INTO blocks (id, kind, value, reason, public, admin, created, ends) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (kind, value) DO UPDATE SET reason = excluded.reason, public = excluded.public, admin = excluded.admin, ends = excluded.ends`,
			id, b.Kind, b.Value, b.Reason, b.Public, b.Admin, d.now, seconds(b.Ends))
		if err != nil {
			return err
		}
		if out, err = readBlock(d.row(selectBlock+" WHERE kind = $1 AND value = $2", b.Kind, b.Value)); err != nil {
			return err
		}
		return d.recordAbout(ActionBlock, out.ID, string(b.Kind)+" "+b.Value+": "+b.Reason)
	})
	return orNothing(out, err)
}

// roomForBlock refuses one more block than there may be.
func (d *decider) roomForBlock(b Block) error {
	var all, patterns, same int
	err := d.row(`SELECT COUNT(*), COALESCE(SUM(CASE WHEN kind = 'pattern' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN kind = $1 AND value = $2 THEN 1 ELSE 0 END), 0) FROM blocks`,
		b.Kind, b.Value).Scan(&all, &patterns, &same)
	switch {
	case err != nil || same > 0:
		return err
	case all >= MaxBlocks:
		return &TooManyError{"blocks", MaxBlocks}
	case b.Kind == BlockPattern && patterns >= MaxPatterns:
		return &TooManyError{"patterns", MaxPatterns}
	}
	return nil
}

// recordAbout records what was done about something that is no registration and
// no entry.
func (d *decider) recordAbout(action Action, subject, detail string) error {
	e := audit.Event{Time: unixTime(d.now), Admin: d.admin, Action: action, Outcome: audit.Done, Subject: subject, Detail: detail}
	if d.call != nil && d.call.Admin == d.admin {
		e.Source = d.call.Source
	}
	return d.audit(e)
}

func (s *sqlStore) RemoveBlock(ctx context.Context, id, admin string) error {
	number, err := parseBlockID(id)
	if err != nil {
		return err
	}
	return s.decide(ctx, admin, func(d *decider) error {
		b, err := readBlock(d.row(selectBlock+" WHERE id = $1", number))
		if err != nil {
			return err
		}
		if _, err := d.exec("DELETE FROM blocks WHERE id = $1", number); err != nil {
			return err
		}
		return d.recordAbout(ActionUnblock, id, string(b.Kind)+" "+b.Value)
	})
}

const selectBlock = "SELECT id, kind, value, reason, public, admin, created, ends FROM blocks"

func (s *sqlStore) Blocks(ctx context.Context) ([]Block, error) {
	rows, err := s.r.QueryContext(ctx, selectBlock+" ORDER BY id")
	return readRows(rows, err, readBlock)
}

func readBlock(row scanner) (b Block, err error) {
	var id, created, ends int64
	err = row.Scan(&id, &b.Kind, &b.Value, &b.Reason, &b.Public, &b.Admin, &created, &ends)
	if errors.Is(err, sql.ErrNoRows) {
		return b, ErrNotFound
	}
	b.ID, b.Created, b.Ends = formatBlockID(id), unixTime(created), unixTime(ends)
	return b, explain(err)
}
