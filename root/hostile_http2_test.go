package root_test

import (
	"bytes"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/config"
)

// TestRapidReset asks for the list over one HTTP/2 connection tens of thousands
// of times, and takes each request back at once. The root ends the connection or
// answers; others are served meanwhile and afterwards.
func TestRapidReset(t *testing.T) {
	t.Parallel()
	cert, key, pool := testenv.Certificate(t, time.Hour)
	var w *world
	withTLS(t, &w, pool, func(c *config.Config) { c.TLS = &config.TLS{CertificateFile: cert, KeyFile: key} })
	before := w.snapshot()
	host := strings.TrimPrefix(w.public, "https://")
	conn, err := tls.Dial("tcp", host, &tls.Config{RootCAs: pool, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute)) // ends a test that would wait for ever
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	var header bytes.Buffer
	encoder := hpack.NewEncoder(&header)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", host}, {":path", "/server.list"}} {
		encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	frames := http2.NewFramer(conn, conn)
	if err := frames.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // reads what the root says, so that it is never held up by this side
		defer close(ended)
		for {
			if _, err := frames.ReadFrame(); err != nil {
				return
			}
		}
	}()
	const most = 50_000
	sent := 0
	for ; sent < most; sent++ {
		id := uint32(2*sent + 1)
		err := frames.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: header.Bytes(), EndStream: true, EndHeaders: true})
		if err == nil {
			err = frames.WriteRSTStream(id, http2.ErrCodeCancel)
		}
		if err != nil {
			break // the root has heard enough
		}
		if sent%10_000 == 0 && w.get("/server.list").status != 200 {
			t.Errorf("after %d requests others are not served", sent)
		}
	}
	conn.Close()
	<-ended
	t.Logf("%d requests were taken back", sent)
	if w.get("/server.list").status != 200 || w.snapshot() != before {
		t.Error("something changed")
	}
}
