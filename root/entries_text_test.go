package root

import (
	"testing"

	"github.com/signed-metaserver/metaserver/root/store"
)

// What an admin has written ends as it was written, and once.
func TestSuspendedSummary(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{
		"it is silent":   "The server is not in the list for now: it is silent. It comes back when an admin says so.",
		"it is silent..": "The server is not in the list for now: it is silent. It comes back when an admin says so.",
		"is it yours? ":  "The server is not in the list for now: is it yours? It comes back when an admin says so.",
	} {
		if got := suspendedSummary(&store.Suspension{Reason: reason}); got != want {
			t.Errorf("%q: %q", reason, got)
		}
	}
}
