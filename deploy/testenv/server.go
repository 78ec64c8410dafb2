package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

const (
	startAttempts = 5                     // where ports cannot be held, another process may take one that was free
	startTime     = time.Minute           // bounds a start on the busiest machine
	pollEvery     = 20 * time.Millisecond // between looks at a starting process
)

// errPortTaken is what a server's attempt to start reports when another
// process was faster to take the port.
var errPortTaken = errors.New("the port is taken")

// serve calls start with free ports until the port stays free for as long as
// the server needs to take it, and returns that port. The started process ends
// with the test.
func serve(t testing.TB, start func(port int) (*process, error)) int {
	t.Helper()
	for range startAttempts {
		port := freePort(t)
		p, err := start(port)
		if err == nil {
			t.Cleanup(p.stop)
			return port
		}
		if !errors.Is(err, errPortTaken) {
			t.Fatal(err)
		}
	}
	t.Fatalf("no free port in %d attempts", startAttempts)
	return 0
}

// freePort returns a TCP port that is free on every address, and held as
// [FreeAddress] says.
func freePort(t testing.TB) int {
	t.Helper()
	port, release, err := holdPort([4]byte{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return port
}

// A process is a server that runs.
type process struct {
	cmd    *exec.Cmd
	log    string // the file that takes its output
	exited chan struct{}
}

// launch starts a command, its output going to the file log.
func launch(cmd *exec.Cmd, log string) (*process, error) {
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the process has its own copy
	cmd.Stdout, cmd.Stderr = f, f
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, log: log, exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait() // await and stop decide whether its end is an error
	}()
	return p, nil
}

// await returns when ready reports true. On an error the process is gone.
func (p *process) await(ready func() bool) error {
	deadline := time.NewTimer(startTime)
	defer deadline.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for !ready() {
		select {
		case <-poll.C:
		case <-p.exited:
			return fmt.Errorf("%s ended (%v); its output ends with:\n%s", p.cmd.Path, p.cmd.ProcessState, p.output())
		case <-deadline.C:
			p.stop()
			return fmt.Errorf("%s did not answer within %v; its output ends with:\n%s", p.cmd.Path, startTime, p.output())
		}
	}
	return nil
}

// stop kills the process and its children and waits for it.
func (p *process) stop() {
	select {
	case <-p.exited:
	default:
		killGroup(p.cmd.Process)
		<-p.exited
	}
}

// output returns the end of what the process wrote.
func (p *process) output() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	return string(bytes.TrimSpace(data[max(0, len(data)-2000):]))
}
