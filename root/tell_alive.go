package root

import (
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/root/alive"
	"github.com/signed-metaserver/metaserver/root/inspect"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/watch"
)

// mirrorProof is how long a look at mirrors, one of which was well, proves that
// the network works.
const mirrorProof = time.Hour

func newChecker(cfg *Config, st store.Store, publisher *issue.Publisher, inspector *inspect.Inspector, watcher *watch.Watcher, origin string) (*alive.Checker, error) {
	reached := func() bool {
		state := watcher.State()
		return state.Proven && cfg.Now().Sub(state.Last) < mirrorProof
	}
	return alive.New(alive.Config{
		Store: st, Asker: inspector, Changed: publisher.Changed, Policy: cfg.Check, Reached: reached,
		Tell: newTeller(cfg, origin).living, Now: cfg.Now, Log: cfg.Log,
	})
}

// eventSilent is that of a root which suspects its own network.
const eventSilent = "servers.silent"

// living tells the admins that most servers are silent. What happens to one of
// them stands in the audit log, and is told from there.
func (t *teller) living(e alive.Event) []store.Message {
	if e.Kind != alive.Suspects {
		return nil
	}
	key := fmt.Sprintf("%s %d", eventSilent, e.At.Unix())
	return t.toAdmins(key, eventSilent, "most servers are silent at once", wrap(e.Detail), map[string]any{})
}
