package store

import "context"

// Restorer is the part of a [Store] that knows of backups.
type Restorer interface {
	// RecordRestore records that the database was restored from a backup, or
	// was set back to an older state otherwise, and is put to use again. It draws
	// a change number: what was published after the backup is not mistaken for
	// the work of another root.
	RecordRestore(ctx context.Context, what string) error
}

// ActionRestore is recorded by the program, not by an admin.
const ActionRestore Action = "restore"

func (s *sqlStore) RecordRestore(ctx context.Context, what string) error {
	return s.decide(ctx, "", func(d *decider) error {
		change, err := d.next("change")
		if err != nil {
			return err
		}
		return d.record(ActionRestore, "", "", what, change)
	})
}
