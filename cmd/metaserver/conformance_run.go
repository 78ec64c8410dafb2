package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/conformance"
)

// maxVerdict bounds what a tested command may print, in bytes. The largest
// verdict of the vectors has less than a tenth of it.
const maxVerdict = 1 << 20

// hopeless is how many vectors without any verdict are enough to give the
// command up: one that hangs would otherwise take hours.
const hopeless = 10

// A conformanceRun runs one command over vectors.
type conformanceRun struct {
	command []string // program and arguments
	timeout time.Duration
	jobs    int // how many at once

	progress *progress    // nil: nobody looks
	done     atomic.Int64 // vectors
	verdicts atomic.Int64 // how many of them got a verdict, right or wrong
}

// run judges all vectors. It returns an error if the command cannot be run at
// all or ctx ends; whatever the command does wrong is in the report.
func (r *conformanceRun) run(ctx context.Context, vectors []conformance.Vector) (*conformanceReport, error) {
	if err := findCommand(r.command[0]); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "metaserver-conformance-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	failures := make([]*conformanceFailure, len(vectors))
	asked := 0
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(r.jobs, len(vectors)) {
		workers.Go(func() {
			for i := range next {
				failures[i] = r.judge(ctx, vectors[i], filepath.Join(dir, vectors[i].Name))
				if failures[i] == nil || failures[i].Got != nil {
					r.verdicts.Add(1)
				}
				done := r.done.Add(1)
				if r.progress != nil {
					r.progress.show("running vectors", done, int64(len(vectors)))
				}
			}
		})
	}
	for i := range vectors {
		if ctx.Err() != nil || r.done.Load() >= hopeless && r.verdicts.Load() == 0 {
			break
		}
		next <- i
		asked++
	}
	close(next)
	workers.Wait()
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	report := conformanceReportOf(failures[:asked])
	report.NotRun = len(vectors) - asked
	return report, nil
}

func conformanceReportOf(failures []*conformanceFailure) *conformanceReport {
	report := &conformanceReport{Failures: []conformanceFailure{}}
	for _, f := range failures {
		if f == nil {
			report.Passed++
			continue
		}
		report.Failed++
		report.Failures = append(report.Failures, *f)
	}
	return report
}

// judge runs the command on one vector, whose files it puts into dir; nil if
// the verdict is the expected one.
func (r *conformanceRun) judge(ctx context.Context, v conformance.Vector, dir string) *conformanceFailure {
	failure := &conformanceFailure{Vector: v.Name, Section: v.Input.Section, About: v.Input.About, Expected: v.Expected}
	defer os.RemoveAll(dir)
	if err := v.Extract(dir); err != nil {
		failure.Problem = err.Error()
		return failure
	}
	output, err := r.output(ctx, dir)
	if err != nil {
		failure.Problem = err.Error()
		return failure
	}
	got, err := conformance.ParseVerdict(output)
	if err != nil {
		failure.Problem = err.Error()
		return failure
	}
	failure.Got = &got
	failure.Problem = v.Expected.Difference(got)
	if failure.Problem == "" {
		return nil
	}
	return failure
}

// output runs the command and returns what it prints.
func (r *conformanceRun) output(ctx context.Context, dir string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	args := append(r.command[1:len(r.command):len(r.command)], dir)
	cmd := exec.CommandContext(ctx, r.command[0], args...)
	stdout := &boundedBuffer{most: maxVerdict, full: cancel}
	stderr := &tailBuffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = time.Second // for children that keep the pipes
	killWithChildren(cmd)
	err := cmd.Run()
	var status *exec.ExitError
	switch {
	case stdout.over:
		return nil, fmt.Errorf("the command printed more than %d bytes", maxVerdict)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("the command gave no verdict within %s", r.timeout)
	case errors.As(err, &status):
		return nil, errors.New(strings.TrimSuffix(fmt.Sprintf("the command ended with %v: %s", status, stderr.lastLine()), ": "))
	case err != nil:
		return nil, err
	}
	return stdout.data.Bytes(), nil
}

// A boundedBuffer keeps what is written up to a number of bytes. More is an
// error, and full is called.
type boundedBuffer struct {
	data bytes.Buffer
	most int
	full func()
	over bool
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.data.Len()+len(p) > b.most {
		b.over = true
		b.full()
		return 0, errors.New("too much output")
	}
	return b.data.Write(p)
}

// A tailBuffer keeps the end of what is written.
type tailBuffer struct{ data []byte }

func (b *tailBuffer) Write(p []byte) (int, error) {
	const most = 4 << 10
	b.data = append(b.data, p[max(0, len(p)-most):]...)
	b.data = b.data[max(0, len(b.data)-most):]
	return len(p), nil
}

func (b *tailBuffer) lastLine() string {
	text := strings.TrimSpace(string(b.data))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
