package proof_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/proof"
)

// serverAt runs a server that treats each connection like this, and returns
// where.
func serverAt(t *testing.T, treat func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			treat(conn)
			conn.Close()
		}
	}()
	return l.Addr().String()
}

func TestCheckPort(t *testing.T) {
	t.Parallel()
	const line, wrong = proof.Prefix + token, "did not answer a TCP connection with the line"
	c := proof.NewChecker(proof.Config{AllowPrivate: true, Timeout: patience})
	for name, tc := range map[string]struct{ answer, says string }{
		"the line":            {line + "\n", ""},
		"without its end":     {line, ""},
		"CRLF":                {line + "\r\n", ""},
		"behind a greeting":   {"\x00\x1eversion 1023 1030 Crossfire\n" + line + "\n", ""},
		"of another":          {proof.Prefix + strings.Repeat("A", 43) + "\n", wrong},
		"within a line":       {"x" + line + "\n", wrong},
		"nothing":             {"", wrong},
		"behind much else":    {strings.Repeat("x\n", 4096) + line + "\n", wrong},
		"a line without end":  {strings.Repeat("x", 1<<20), wrong},
		"a page of something": {"HTTP/1.1 400 Bad Request\r\n\r\n", wrong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := serverAt(t, func(conn net.Conn) { io.WriteString(conn, tc.answer) })
			wantMissing(t, c.CheckPort(t.Context(), at, token), tc.says)
		})
	}
}

// Whether a port is closed, silent, or something else's, the answer is the same.
func TestCheckPortTellsNothing(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	silent := serverAt(t, func(net.Conn) { <-hold })
	defer close(hold)
	short := proof.NewChecker(proof.Config{AllowPrivate: true, Timeout: 300 * time.Millisecond})
	public := proof.NewChecker(proof.Config{})
	for _, tc := range []struct {
		checker  *proof.Checker
		at, says string
	}{
		{short, testenv.FreeAddress(t), "did not answer a TCP connection with the line"},
		{short, silent, "did not answer a TCP connection with the line"},
		{public, silent, "private address"},
	} {
		wantMissing(t, tc.checker.CheckPort(t.Context(), tc.at, token), tc.says)
	}
}
