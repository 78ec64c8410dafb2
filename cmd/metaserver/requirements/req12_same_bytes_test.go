package requirements_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/mirror"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// TestRequirement12_SameBytes: six mirrors pull, as their cron lines do, and hold
// the very bytes of the root.
func TestRequirement12_SameBytes(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	folders := make([]string, 6)
	for i := range folders {
		folders[i] = filepath.Join(t.TempDir(), fmt.Sprint(i))
	}
	pull := func(wantChanged bool) {
		t.Helper()
		for _, folder := range folders {
			report, err := r.mirrorTo(folder).Once(t.Context())
			if err != nil || !report.OK || report.Targets[0].Changed != wantChanged {
				t.Fatalf("%+v, %v; want changed %v", report, err, wantChanged)
			}
			for _, name := range []string{"trust/1.trust", "mirror.list", "server.list"} {
				if !bytes.Equal(readFile(t, filepath.Join(folder, filepath.FromSlash(name))), r.file(name)) {
					t.Errorf("%s has other bytes than the root", name)
				}
			}
		}
	}
	for _, name := range []string{"Alpha", "Beta"} {
		r.list(name)
		pull(true)
		pull(false) // a turn without news changes nothing
	}
	// The schedule is a cron expression, or an hour with a minute of its own.
	for schedule, ok := range map[string]bool{"": true, "17 * * * *": true, "@daily": true, "every now and then": false} {
		_, err := mirror.New(mirror.Config{Root: r.url(), Trust: r.pinned(), Schedule: schedule, Targets: []mirror.Target{{Target: publish.Folder{Path: "x"}}}})
		if (err == nil) != ok {
			t.Errorf("schedule %q: %v", schedule, err)
		}
	}
}
