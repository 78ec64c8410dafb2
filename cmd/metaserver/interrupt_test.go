package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestInterrupted: who stops a command is told that, and not what the work that
// was stopped has ended with; also while a pipe stays silent.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	silent, writer := io.Pipe()
	defer writer.Close()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	trust := filepath.Join(t.TempDir(), "1.trust")
	writeFile(t, trust, string(serverlisttest.NewRoot(serverlisttest.Options{}).Pinned()))
	const root = "http://ms.example.org/"
	for _, args := range [][]string{
		{"root", "check", "--data", t.TempDir()},
		{"admin", "audit", "--verify", "-"},
		{"conformance", "--", "true"},
		{"bundle", "--trust", trust, "--root", root, "--out", filepath.Join(t.TempDir(), "new")},
		{"list", "--trust", trust, "--root", root},
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
