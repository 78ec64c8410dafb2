package tell

import (
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

// What an admin reads of what has arrived: a line for each request, the first one
// as all others, and what is to be looked at twice.
func TestSummary(t *testing.T) {
	t.Parallel()
	conflict := func(kind store.ConflictKind) string {
		return conflictText([]store.Conflict{{Kind: kind, Entry: "cat-2"}})
	}
	all, err := (&Teller{origin: "ms.example.org", mail: true, admins: []string{"a@example.org"}}).summary(time.Unix(1_800_000_000, 0), arrived{
		servers: 5, mirrors: 1, conflicts: 3, counts: store.Counts{Pending: 5, PendingMirrors: 1},
		lines: []string{"r1  Dog  dog.example.net:1", "r2  Cat  cat.example.net:1  ! " + conflict(store.SameName), "r3  Cаt  c.example.net:1  ! " + conflict(store.LooksAlike),
			"r4  Cow  cow.example.net:1  ! " + conflict(store.SameHost)},
	})
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	const want = `  r1  Dog  dog.example.net:1
  r2  Cat  cat.example.net:1  ! same name as entry cat-2
  r3  Cаt  c.example.net:1  ! name looks like that of entry cat-2
  r4  Cow  cow.example.net:1  ! resolves to the address of entry cat-2
  and 2 more

Altogether 5 servers and 1 mirror wait for a decision.

metaserver admin pending

metaserver admin mirrors pending
`
	if all[0].Body != want || all[0].Subject != "[ms.example.org] requests have arrived: 5 servers and 1 mirror, some in conflict with others" {
		t.Errorf("%s\n%s\nwant\n%s", all[0].Subject, all[0].Body, want)
	}
}
