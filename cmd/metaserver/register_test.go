package main

import (
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptWaitStatus waits for what the root does after it has answered.
func scriptWaitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitstatus FILE REGEXP")
	}
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	for deadline := time.Now().Add(patience); ; {
		ts.Check(ts.Exec("metaserver", "register", "status", "--status-file", args[0]))
		if want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the status does not come to say %q", args[1])
		}
		time.Sleep(50 * time.Millisecond) // between two looks; nothing depends on its length
	}
}
