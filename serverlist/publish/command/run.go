package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/web"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/work"
)

const (
	afterEnd   = 5 * time.Second // a program has ended and what it started still holds its output
	keptOutput = 4 << 10         // bytes, the last
	shownLines = 5               // the last
)

// run runs a program with the folder in its arguments until it ends or its time
// is over. An error shows the last lines of its output, and no argument.
func run(ctx context.Context, timeout time.Duration, command []string, folder string) error {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	args := make([]string, len(command)-1)
	for i, arg := range command[1:] {
		args[i] = strings.ReplaceAll(arg, placeholder, folder)
	}
	cmd := exec.CommandContext(limited, command[0], args...)
	var out tail
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = afterEnd
	work.OwnGroup(cmd)
	err := cmd.Run()
	name := filepath.Base(command[0])
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s was stopped: %w", name, context.Cause(ctx))
	case limited.Err() != nil:
		return fmt.Errorf("%s did not end within %v and was killed%s", name, timeout, out.lines())
	case errors.Is(err, exec.ErrNotFound):
		return noProgram(command[0])
	case errors.Is(err, exec.ErrWaitDelay):
		_ = work.KillGroup(cmd) // fails if it has ended meanwhile
		return fmt.Errorf("%s has ended and left something running, which was killed; let it wait for what it starts%s", name, out.lines())
	}
	return fmt.Errorf("%s failed: %w%s", name, withoutPath(err), out.lines())
}

// find tells whether a program can be started: that push cannot be should not
// come out only when there is news to publish.
func find(program string) error {
	_, err := exec.LookPath(program)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist):
		return noProgram(program)
	}
	return fmt.Errorf("%s cannot be started: %w", filepath.Base(program), withoutPath(err))
}

func noProgram(program string) error {
	return fmt.Errorf("there is no program %s here: install it, or write where it is", filepath.Base(program))
}

// withoutPath shortens what exec says of a program that cannot be started.
func withoutPath(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}

// A tail keeps the end of what is written to it. The package exec writes from
// one goroutine.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p[max(0, len(p)-keptOutput):]...)
	t.kept = append(t.kept[:0], t.kept[max(0, len(t.kept)-keptOutput):]...)
	return len(p), nil
}

// lines returns the last lines in a form for the end of a message.
func (t *tail) lines() string {
	var lines []string
	for line := range bytes.Lines(t.kept) {
		if text := web.OneLine(string(line)); text != "" {
			lines = append(lines, text)
		}
	}
	if len(lines) == 0 {
		return "; it said nothing"
	}
	return "; it said: " + strings.Join(lines[max(0, len(lines)-shownLines):], " | ")
}
