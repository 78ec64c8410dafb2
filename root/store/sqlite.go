package store

import (
	"context"
	"time"
)

// Config configures a store.
type Config struct {
	Path string           // required: the database file; made, with mode 0600, when absent
	Now  func() time.Time // nil: time.Now
}

// OpenSQLite opens the database, makes or updates its tables, and returns the
// store.
func OpenSQLite(ctx context.Context, cfg Config) (Store, error) { panic("comes next") }
