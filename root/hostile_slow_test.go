package root_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root"
)

// dial opens a connection to the public listener.
func (w *world) dial() *net.TCPConn {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.public, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute)) // ends a test that would wait for ever
	return conn.(*net.TCPConn)
}

const postHead = "POST /api/v1/registrations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

// TestUnfinished sends requests that never end, and those of which the sender
// goes away in the middle. The root ends each of them by itself, and nothing of
// them is stored.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	w := serveTuned(t, newData(t), func(r *root.Root) {
		root.SetHeaderTimeout(r, headerTimeout)
		root.SetBodyTimeout(r, headerTimeout)
	})
	good := `{"name":"x","address":"a.example.net:1","game":"crossfire","email":"a@example.org","description":"x"}`
	before := w.snapshot()
	t.Run("requests", func(t *testing.T) { w.unfinished(t, good) })
	if w.get("/server.list").status != 200 || w.snapshot() != before {
		t.Error("something changed")
	}
}

func (w *world) unfinished(t *testing.T, good string) {
	for _, tc := range []struct{ name, sent, then string }{
		{"nothing", "", "waits"},
		{"half a line", "GET /serv", "waits"},
		{"a header without end", "GET /server.list HTTP/1.1\r\nHost: x\r\nX: ", "waits"},
		{"a body that does not come", postHead + "Content-Length: 102\r\n\r\n", "waits"},
		{"a body that stops", postHead + "Content-Length: 102\r\n\r\n" + good[:50], "waits"},
		{"a body that lacks the last byte", postHead + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(good)) + good[:len(good)-1], "waits"},
		{"chunks that stop", postHead + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"nam", "waits"},
		{"a form that stops", strings.Replace(postHead, "api/v1/registrations", "register", 1) + "Content-Length: 102\r\n\r\nname=", "waits"},
		{"half a line, closed", "GET /serv", "closes"},
		{"a body, closed", postHead + "Content-Length: 102\r\n\r\n" + good[:50], "closes"},
		{"chunks, closed", postHead + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"nam", "closes"},
		{"a body, gone", postHead + "Content-Length: 102\r\n\r\n" + good[:50], "resets"},
		{"an answer that nobody reads", "GET /server.list HTTP/1.1\r\nHost: x\r\n\r\n", "resets"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			conn := w.dial()
			if _, err := io.WriteString(conn, tc.sent); err != nil {
				t.Fatal(err)
			}
			switch tc.then {
			case "closes":
				conn.CloseWrite()
			case "resets":
				conn.SetLinger(0)
				conn.Close()
				return
			}
			// It ends when the root gives the connection up.
			answer, err := io.ReadAll(conn)
			if err != nil || strings.Contains(string(answer), " 202 ") {
				t.Errorf("%.200q, %v", answer, err)
			}
		})
	}
}
