package tell

import (
	"fmt"

	"github.com/signed-metaserver/metaserver/root/alive"
	"github.com/signed-metaserver/metaserver/root/store"
)

// eventSilent is that of a root which suspects its own network.
const eventSilent = "servers.silent"

// Servers tells the admins that most servers are silent. What happens to one of
// them stands in the audit log, and is told from there.
func (t *Teller) Servers(e alive.Event) []store.Message {
	if e.Kind != alive.Suspects {
		return nil
	}
	key := fmt.Sprintf("%s %d", eventSilent, e.At.Unix())
	return t.toAdmins(key, eventSilent, "most servers are silent at once", wrap(e.Detail), map[string]any{})
}
