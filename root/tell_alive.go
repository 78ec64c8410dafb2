package root

import (
	"fmt"

	"github.com/signed-metaserver/metaserver/root/alive"
	"github.com/signed-metaserver/metaserver/root/inspect"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
)

func newChecker(cfg *Config, st store.Store, publisher *issue.Publisher, inspector *inspect.Inspector, origin string) (*alive.Checker, error) {
	return alive.New(alive.Config{
		Store: st, Asker: inspector, Changed: publisher.Changed, Policy: cfg.Check,
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
