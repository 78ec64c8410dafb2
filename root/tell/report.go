package tell

import (
	"context"
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

// eventReported is that of what players report.
const eventReported = "report.arrived"

// Report tells the admins that a player reports something, once an hour
// whatever comes. What the player says stays out of it: anybody may say anything.
func (t *Teller) Report(ctx context.Context, r store.Report) {
	now := t.now().UTC()
	if t.silent() {
		return
	}
	subject := "players report entry " + r.Entry
	body := wrap(fmt.Sprintf("A player has reported something about entry %s (%s). What else players report within this hour is not written about.", r.Entry, r.Kind)) +
		"\nmetaserver admin reports\n"
	err := t.store.PutMessages(ctx, t.toAdmins("report "+now.Truncate(time.Hour).Format(time.RFC3339), eventReported, subject, body,
		map[string]any{"entry": r.Entry, "kind": r.Kind}))
	if err != nil {
		t.log.Error("the admins could not be told of a player's report", "entry", r.Entry, "err", err)
		return
	}
	t.wake()
}
