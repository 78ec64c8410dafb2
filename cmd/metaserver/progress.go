package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// A progress is a line on a terminal that says how far long work is. It shows
// nothing in the first second, and nothing at all elsewhere. It is safe for
// concurrent use.
type progress struct {
	mu    sync.Mutex
	out   io.Writer // nil: nobody looks
	began time.Time
	drawn time.Time
	width int // of what stands on the line
}

func newProgress(out io.Writer) *progress {
	p := &progress{began: time.Now()}
	if f, ok := out.(*os.File); ok && isTerminal(f) {
		p.out = out
	}
	return p
}

// show says what is being done, and how much of it is; total 0: that is not
// known.
func (p *progress) show(doing string, done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.out == nil || now.Sub(p.began) < time.Second || now.Sub(p.drawn) < 100*time.Millisecond {
		return
	}
	p.drawn = now
	text := fmt.Sprintf("%s: %d", doing, done)
	if total > 0 {
		text = fmt.Sprintf("%s: %d %%", doing, 100*done/total)
	}
	p.draw(text)
}

// clear removes the line, until there is more to show.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.width > 0 {
		p.draw("")
		fmt.Fprint(p.out, "\r")
	}
}

// end removes the line for good.
func (p *progress) end() {
	p.clear()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out = nil
}

func (p *progress) draw(text string) {
	fmt.Fprint(p.out, "\r"+text+strings.Repeat(" ", max(0, p.width-len(text))))
	p.width = len(text)
}

// A countedReader shows how many bytes were read.
type countedReader struct {
	in   io.Reader
	line *progress
	n    int64
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	r.n += int64(n)
	r.line.show("bytes read", r.n, 0)
	return n, err
}

// formatBytes prints a size as people say it.
func formatBytes(n int64) string {
	switch {
	case n < 1<<10:
		return plural(int(n), "byte")
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
