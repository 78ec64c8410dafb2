package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// TestListCacheUnwritable: on a disk that is full or read-only the newest list
// is shown all the same, that it cannot be kept is told, and offline the list of
// before is still there. The file systems are real, in a mount namespace.
func TestListCacheUnwritable(t *testing.T) {
	t.Parallel()
	w := newCacheWorld(t)
	w.publish(t, 1)
	if cmd, out := w.list(w.url); cmd.Run() != nil {
		t.Fatalf("%s", out)
	}
	w.publish(t, 1500)
	script := `cd "$1" && mkdir -p disk && mount -t tmpfs -o size=256k none disk && cp -a cache/. disk || exit 77
		$2 || exit 77
		metaserver list --trust 1.trust --root "$3" --cache ./disk && echo OFFLINE && echo OFFLINE >&2 &&
		metaserver list --trust 1.trust --root http://127.0.0.1:1/ --cache ./disk`
	for name, tt := range map[string]struct{ prepare, says string }{
		"full":      {"true", "no space left on device"},
		"read-only": {"mount -o remount,ro disk", "read-only file system"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := strings.TrimSuffix(w.cache, "cache")
			cmd := exec.Command("unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", dir, tt.prepare, w.url)
			var out, errOut strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &errOut
			err := cmd.Run()
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == 77 || strings.HasPrefix(errOut.String(), "unshare:") {
				testenv.Unable(t, "no mount namespace: "+errOut.String())
			}
			live, offline, _ := strings.Cut(out.String(), "OFFLINE\n")
			told, _, _ := strings.Cut(errOut.String(), "OFFLINE\n")
			if err != nil || !strings.HasPrefix(live, "1500 servers of ms.example.org: live, fresh") || !strings.HasPrefix(offline, "1 server of ms.example.org: cached, fresh") {
				t.Errorf("%v: live it shows %.100q, offline %.100q", err, live, offline)
			}
			if !strings.Contains(told, "cannot store it") || !strings.Contains(told, tt.says) {
				t.Errorf("told is %q, want that it cannot be kept, and %q", told, tt.says)
			}
		})
	}
}
