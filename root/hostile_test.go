package root_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A hostileRow is one row of the corpus; testdata/hostile/README.md explains it.
type hostileRow struct {
	name   string
	send   []hostilePiece
	want   []int // statuses
	closed bool  // the root ends the connection after the answers
}

type hostilePiece struct {
	text  string
	times int
}

// TestHostile sends every row of the corpus, and looks after each that nothing
// changed, neither in the store nor in the folder, and the list is served.
func TestHostile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(1) // something that could be damaged
	files, err := filepath.Glob("testdata/hostile/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	before, folder := w.snapshot(), w.publicFolder()
	for _, file := range files {
		for _, row := range readHostile(t, file) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+row.name, func(t *testing.T) {
				if problem := w.sendHostile(row); problem != "" {
					t.Error(problem)
				}
				if after := w.snapshot(); after != before {
					t.Errorf("the store or a document changed: %+v, was %+v", after.counts, before.counts)
				}
				if w.publicFolder() != folder {
					t.Error("the public folder changed")
				}
			})
		}
	}
	if log := w.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") {
		t.Errorf("the root's own fault:\n%s", log)
	}
}

// readHostile reads a file of the corpus.
func readHostile(t testing.TB, file string) (rows []hostileRow) {
	t.Helper()
	for n, line := range strings.Split(string(readFile(t, file)), "\n") {
		if line == "" {
			continue
		}
		what, value, ok := strings.Cut(line, ": ")
		key, times, _ := strings.Cut(what, "*")
		if key == "name" {
			rows = append(rows, hostileRow{name: value})
			continue
		}
		if len(rows) == 0 || !ok {
			t.Fatalf("%s, line %d: a row begins with its name", file, n+1)
		}
		if err := rows[len(rows)-1].add(key, times, value); err != nil {
			t.Fatalf("%s, line %d: %v", file, n+1, err)
		}
	}
	return rows
}

func (row *hostileRow) add(key, times, value string) (err error) {
	switch key {
	case "want":
		for _, word := range strings.Fields(value) {
			if row.closed = word == "closed"; row.closed {
				break
			}
			status, err := strconv.Atoi(word)
			if err != nil {
				return err
			}
			row.want = append(row.want, status)
		}
	case "send":
		piece := hostilePiece{times: 1}
		if times != "" {
			piece.times, err = strconv.Atoi(times)
		}
		if err == nil {
			piece.text, err = strconv.Unquote(value)
		}
		row.send = append(row.send, piece)
	default:
		err = fmt.Errorf("%q is no key of a row", key)
	}
	return err
}

// bytes is the whole of what is sent.
func (row *hostileRow) bytes(w *world) string {
	var b strings.Builder
	for _, piece := range row.send {
		b.WriteString(strings.Repeat(piece.text, piece.times))
	}
	return strings.NewReplacer(
		"{host}", strings.TrimPrefix(w.public, "http://"),
		"{list}", w.get("/server.list").header.Get("ETag"),
		"{good}", `"name":"x","address":"a.example.net:1","game":"crossfire","email":"a@example.org","description":"x"`,
		"{spaces}", strings.Repeat(" ", 0x2000),
	).Replace(b.String())
}

// sendHostile returns what is wrong with the answers; "": nothing.
func (w *world) sendHostile(row hostileRow) string {
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.public, "http://"))
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute)) // ends a test that would wait for ever
	text := row.bytes(w)
	go io.WriteString(conn, text) // it fails where the root has heard enough
	in := bufio.NewReader(conn)
	for i, want := range row.want {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return fmt.Sprintf("answer %d: %v, want %d", i+1, err, want)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want {
			return fmt.Sprintf("answer %d: %d (%v), want %d: %.300s", i+1, resp.StatusCode, err, want, body)
		}
		if len(body) > 16<<10 {
			return fmt.Sprintf("answer %d has %d bytes", i+1, len(body))
		}
	}
	if row.closed {
		if more, err := io.ReadAll(in); len(more) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Sprintf("the connection stays open: %.300q, %v", more, err)
		}
	}
	return ""
}

// publicFolder tells all that lies in the public folder.
func (w *world) publicFolder() string {
	w.t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(filepath.Join(w.dir, "public"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %q\n", path, data)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}
