package root

import (
	"context"
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

// eventReported is that of what players report.
const eventReported = "report.arrived"

// tellReport tells the admins that a player reports something, once an hour
// whatever comes. What the player says stays out of it: anybody may say anything.
func (s *server) tellReport(ctx context.Context, r store.Report) {
	t, now := newTeller(&s.cfg, s.origin), s.cfg.Now().UTC()
	if t.silent() {
		return
	}
	subject := "players report entry " + r.Entry
	body := wrap(fmt.Sprintf("A player has reported something about entry %s (%s). What else players report within this hour is not written about.", r.Entry, r.Kind)) +
		"\nmetaserver admin reports\n"
	err := s.store.PutMessages(ctx, t.toAdmins("report "+now.Truncate(time.Hour).Format(time.RFC3339), eventReported, subject, body,
		map[string]any{"entry": r.Entry, "kind": r.Kind}))
	if err != nil {
		s.log.Error("the admins could not be told of a player's report", "entry", r.Entry, "err", err)
		return
	}
	s.sender.Wake()
}
