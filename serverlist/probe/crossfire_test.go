package probe

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// A script is a connection on which the peer says fixed bytes.
type script struct {
	net.Conn // nil: any call but Read fails the test by a panic
	says     bytes.Reader
}

func (s *script) Read(b []byte) (int, error) { return s.says.Read(b) }

func FuzzCrossfire(f *testing.F) {
	f.Add([]byte(greeting)) // of crossfire-server 1.75.0
	f.Add([]byte("\x00\x0fversion 1 2 abc"))
	f.Add([]byte("\x00\x17version 1 2 a\x1b[2Jb\r\xe2\x80\xaec\n"))
	f.Add([]byte("\xff\xffversion 1 2 abc"))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, says []byte) {
		conn := &script{says: *bytes.NewReader(says)}
		var live Live
		err := askCrossfire(conn, &live)
		if read := len(says) - conn.says.Len(); read > 2+maxGreeting {
			t.Errorf("read %d bytes", read)
		}
		if err != nil {
			if !errors.Is(err, errNotCrossfire) || live != (Live{}) {
				t.Errorf("error %v with %+v", err, live)
			}
			return
		}
		if live.CSVersion < 1 || live.SCVersion < 1 {
			t.Errorf("accepted versions %d and %d", live.CSVersion, live.SCVersion)
		}
		if err := serverlist.CheckText(live.Software, serverlist.MaxText); err != nil {
			t.Errorf("software %q %v", live.Software, err)
		}
		if want := fmt.Sprintf("version %d %d ", live.CSVersion, live.SCVersion); !bytes.HasPrefix(says[2:], []byte(want)) {
			t.Errorf("read %q from %q", want, says)
		}
	})
}

func BenchmarkCrossfire(b *testing.B) {
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var live Live
			if err := parseCrossfire([]byte(greeting[2:]), &live); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("yardstick=Sscanf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var cs, sc int
			if _, err := fmt.Sscanf(greeting[2:], "version %d %d ", &cs, &sc); err != nil {
				b.Fatal(err)
			}
		}
	})
}
