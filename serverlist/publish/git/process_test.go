package git_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

func programPath(t *testing.T) string {
	t.Helper()
	return testenv.Program(t, "git")
}

// awaitFile returns what a program writes to a file, once there is a line.
func awaitFile(t *testing.T, name string) string {
	t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for ; ; <-poll.C {
		if data, err := os.ReadFile(name); err == nil && strings.HasSuffix(string(data), "\n") {
			return strings.TrimSpace(string(data))
		}
	}
}

// alive tells whether a process is there and runs.
func alive(pid string) bool {
	if _, err := strconv.Atoi(pid); err != nil {
		return false
	}
	data, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(data), ") Z ")
}
