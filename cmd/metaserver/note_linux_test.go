package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// A screen is a terminal, and keeps what is written to it.
type screen struct {
	terminal *os.File
	keyboard *os.File

	mu      sync.Mutex
	cond    *sync.Cond
	written string
	ended   bool
}

func newScreen(t *testing.T) *screen {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		testenv.Unable(t, fmt.Sprintf("there are no terminals: %v", err))
	}
	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{terminal: terminal, keyboard: keyboard}
	s.cond = sync.NewCond(&s.mu)
	var reading sync.WaitGroup
	reading.Go(s.read)
	t.Cleanup(func() {
		terminal.Close() // ends the reading
		reading.Wait()
		keyboard.Close()
	})
	return s
}

func (s *screen) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.keyboard.Read(buf)
		s.mu.Lock()
		s.written += string(buf[:n])
		s.ended = err != nil
		s.cond.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// until returns what is written as soon as that holds a text, or when nothing
// more will come.
func (s *screen) until(ctx context.Context, text string) string {
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cond.Broadcast()
	})()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !strings.Contains(s.written, text) && !s.ended && ctx.Err() == nil {
		s.cond.Wait()
	}
	return s.written
}

// TestNoteOfASlowRoot: whoever waits for more than a second is told so on a
// terminal, and then the line is clean again.
func TestNoteOfASlowRoot(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	root := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.until(r.Context(), "waiting for "+r.Host+" ...") // so slow is this root
		io.WriteString(w, "[]")
	}))
	t.Cleanup(root.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	line := &progress{out: s.terminal}
	line.show("working", 1, 2)
	pending, err := newClient(s.terminal, root.URL, "msadm_x", line).Pending(ctx)
	if err != nil || len(pending) != 0 {
		t.Fatalf("%v, %v", pending, err)
	}
	fmt.Fprint(s.terminal, "the result")
	note := fmt.Sprintf("waiting for %s ...", strings.TrimPrefix(root.URL, "http://"))
	clean := func(text string) string { return "\r" + strings.Repeat(" ", len(text)) + "\r" }
	want := "\rworking: 50 %" + clean("working: 50 %") + note + clean(note) + "the result"
	if got := s.until(ctx, "the result"); got != want {
		t.Errorf("the screen has\n%q, want\n%q", got, want)
	}
}

// In a pipe nothing is shown, however long it takes.
func TestNoNoteInAPipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	note := startNote(w, "asking ...")
	line := newProgress(w)
	line.began = line.began.AddDate(-1, 0, 0) // for a year
	line.show("working", 1, 2)
	line.end()
	if note.timer != nil {
		t.Error("a note would be shown")
	}
	note.stop()
	w.Close()
	if got, err := io.ReadAll(r); len(got) > 0 || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
