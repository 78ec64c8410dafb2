package main

import (
	"context"
	"errors"
	"io"
	"testing"
)

// TestInterrupted: who stops a command is told that, and not what the work that
// was stopped has ended with; also while a pipe stays silent.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	silent, writer := io.Pipe()
	defer writer.Close()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, args := range [][]string{
		{"root", "check", "--data", t.TempDir()},
		{"admin", "audit", "--verify", "-"},
		{"conformance", "--", "true"},
	} {
		program := newProgram()
		program.SetArgs(args)
		program.SetIn(silent)
		program.SetOut(io.Discard)
		if err := program.ExecuteContext(stopped); !errors.Is(err, errInterrupted) {
			t.Errorf("%v: %v, want %v", args, err, errInterrupted)
		}
	}
}
