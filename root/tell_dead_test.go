package root_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/alive"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
)

// TestDeadServerIsTold lists a server at a port that nobody listens at, and lets
// time go by: owner and admin are written to when it has been silent, and when it
// goes out of the list for that.
func TestDeadServerIsTold(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	w, server, _ := newTellingWorld(t, func(c *config.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		c.AllowPrivate, c.CheckOff = true, false
		c.Check = alive.Policy{Every: time.Minute, WarnAfter: 2 * time.Minute, Grace: 4 * time.Minute}
	})
	req := request(1)
	req.Address = "127.0.0.1:1"
	sent := decode[api.Accepted](t, w.post(req), 202)
	if _, err := w.client().Approve(t.Context(), sent.ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	for _, letter := range []struct{ to, subject string }{
		{"admin1@example.org", "entry server-1 does not answer"},
		{"boss@example.org", "the server of entry server-1 does not answer"},
		{"admin1@example.org", "entry server-1 is left out of the list"},
		{"boss@example.org", "entry server-1 is left out of the list"},
	} {
		until(t, letter.subject+" to "+letter.to, func() bool {
			later.Add(int64(10 * time.Second)) // each look finds that time has gone by
			return slices.ContainsFunc(received(server, letter.to), func(text string) bool { return strings.Contains(text, letter.subject) })
		})
	}
	e, err := w.client().Entry(t.Context(), "server-1")
	if err != nil || e.Suspended == nil || !strings.Contains(e.Suspended.Reason, "The root has found no server there for") {
		t.Errorf("%+v, %v", e, err)
	}
}
