package requirements_test

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/serverlist"
)

type server = serverlist.Server

// Entries live for weeks without any contact, and the list has no player counts
// and no other live statistics.
func TestRequirement10_EntriesLiveForWeeks(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	r := newRoot(t, func(c *config.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	r.list("Cat", "Dog")
	first := edition(t, r)
	later.Store(int64(60 * 24 * time.Hour))
	r.restart() // nobody has sent anything meanwhile
	for deadline := time.Now().Add(patience); edition(t, r) == first; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no new edition after sixty days")
		}
	}
	list := string(r.document("server.list"))
	entries := 0
	for line := range strings.Lines(list) {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		entries++
		var members map[string]any
		if err := json.Unmarshal([]byte(line), &members); err != nil {
			t.Fatal(err)
		}
		for name := range members {
			switch name {
			case "id", "name", "addresses", "game", "description":
			default:
				t.Errorf("an entry has %q, which nobody asked for: %s", name, line)
			}
		}
	}
	if entries != 2 || !r.lists([]string{"Cat", "Dog"}) {
		t.Errorf("%d entries after sixty days: %s", entries, list)
	}
}
