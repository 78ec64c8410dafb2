package root

import (
	"bufio"
	"encoding/json"
	"net/http"
)

// A stream is an answer that is sent while it is read from the store, so that
// what is large does not have to fit into memory. Its status is sent with the
// first piece: what fails before is a problem like any other.
type stream struct {
	s       *server
	w       http.ResponseWriter
	out     *bufio.Writer
	kind    string // Content-Type
	started bool
}

func (s *server) newStream(w http.ResponseWriter, kind string) *stream {
	return &stream{s: s, w: w, out: bufio.NewWriterSize(w, 64<<10), kind: kind}
}

// start is called before the first piece, and by end where there is none.
func (t *stream) start() {
	if !t.started {
		t.started = true
		t.w.Header().Set("Content-Type", t.kind)
		t.w.Header().Set("Cache-Control", "no-store")
	}
}

// end sends the rest. err is that of the reading. Once the status is sent, ending
// the connection is what is left to say that the answer is not whole.
func (t *stream) end(err error) error {
	if err == nil {
		t.start()
		return t.out.Flush()
	}
	if !t.started {
		return err
	}
	t.s.log.Error("an answer could not be sent to its end", "err", err)
	panic(http.ErrAbortHandler)
}

// writeLines sends the lines that read yields, each with its line feed.
func (s *server) writeLines(w http.ResponseWriter, kind string, read func(each func(line []byte) error) error) error {
	t := s.newStream(w, kind)
	return t.end(read(func(line []byte) error {
		t.start()
		_, err := t.out.Write(line)
		return err
	}))
}

// writeArray sends what read yields as one array.
func writeArray[T any](s *server, w http.ResponseWriter, read func(each func(T) error) error) error {
	t := s.newStream(w, jsonType)
	separator := "["
	err := read(func(v T) error {
		element, err := json.Marshal(v)
		if err != nil {
			return err
		}
		t.start()
		t.out.WriteString(separator)
		separator = ",\n"
		_, err = t.out.Write(element)
		return err
	})
	if err == nil {
		if separator == "[" { // there was nothing
			t.out.WriteString("[")
		}
		t.out.WriteString("]\n")
	}
	return t.end(err)
}
