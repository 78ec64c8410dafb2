package publishtest

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// What a victim finds in its environment.
const (
	victimAfter = "PUBLISHTEST_KILLED_AFTER" // bytes
	victimPlace = "PUBLISHTEST_PLACE"
)

// A ReopenFunc makes a target of the text that names a place, in any process.
type ReopenFunc func(place string, dial DialFunc) publish.Target

// Killed kills a whole process with SIGKILL while it publishes, at byte counts
// spread over the exchange, and judges what it leaves as [Interrupted] does. The
// process is this test in a new run of the test binary, which must call
// [Victim] first:
//
//	func TestKilled(t *testing.T) {
//		if publishtest.Victim(t, reopen) {
//			return
//		}
//		...
//		publishtest.Killed(t, publishtest.AllowNothing, newPlace, reopen)
//	}
//
// Each call of newPlace makes a new, empty place.
func Killed(t *testing.T, allow Allowance, newPlace func(t *testing.T) string, reopen ReopenFunc) {
	w := newWorld(allow, func(t *testing.T, dial DialFunc) (faulty, clean publish.Target) {
		place := newPlace(t)
		return reopen(place, dial), reopen(place, nil)
	})
	killed := 0
	for i, n := range w.spread(t) {
		if i%2 != 1 {
			continue
		}
		place := newPlace(t)
		clean := reopen(place, nil)
		mustSet(t, clean, w.older)
		if w.runVictim(t, n, place) {
			killed++
		}
		during := fmt.Sprintf("kill after %d bytes", n)
		t.Logf("%s leaves %v", during, w.judge(t, during, clean))
		mustSet(t, clean, w.newer)
	}
	if killed < 5 {
		t.Errorf("only %d runs were killed", killed)
	}
}

// runVictim tells whether the victim was killed before it had finished.
func (w *world) runVictim(t *testing.T, after int64, place string) bool {
	t.Helper()
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	cmd := exec.Command(os.Args[0], "-test.run", pattern)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", victimAfter, after), victimPlace+"="+place)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	if err.Error() != "signal: killed" {
		t.Fatalf("the victim ended with %v\n%s", err, out)
	}
	return true
}

// Victim returns false in an ordinary run. In the process that [Killed] starts
// it publishes, kills the process in the middle, and returns true only if the
// exchange was shorter than expected.
func Victim(t *testing.T, reopen ReopenFunc) bool {
	text := os.Getenv(victimAfter)
	if text == "" {
		return false
	}
	after, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	line := NewLine(t, Kill, after)
	mustSet(t, reopen(os.Getenv(victimPlace), line.Dial), newWorld(AllowNothing, nil).newer)
	return true
}
