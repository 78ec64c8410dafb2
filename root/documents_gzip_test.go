package root_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/issue"
)

// worldWithServers serves a list that is worth compressing.
func worldWithServers(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	for n := range 4 {
		accepted := w.register(n)
		if _, err := w.client().Approve(t.Context(), accepted.ID, api.Approval{}); err != nil {
			t.Fatal(err)
		}
	}
	w.untilEntries(4)
	return w
}

func unpack(t *testing.T, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestGzip checks who gets a document compressed, and that it is the same
// document.
func TestGzip(t *testing.T) {
	t.Parallel()
	w := worldWithServers(t)
	plain := w.get("/server.list")
	for _, tc := range []struct {
		accepts string
		gzip    bool
	}{
		{"", false}, {"identity", false}, {"br, deflate", false}, {"gzip;q=0", false}, {"gzip;q=0.000, *", false},
		{"gzip;q=0.4, identity;q=0.5", false}, {"gzip;q=x", false}, {"gzip;q=2", false}, {"gzip;q=1.5", false},
		{"gzip;q=0.1234", false}, {"gzip;level=1", false}, {"gzipped", false}, {";", false}, {"gzip;q=-1", false},
		{"gzip", true}, {"GZIP", true}, {"x-gzip", true}, {"deflate, gzip;q=1.0, *;q=0.5", true}, {"*", true},
		{" gzip ; q=0.001", true}, {"gzip;q=0.5, identity;q=0.5", true}, {"identity;q=0, gzip", true},
	} {
		var header []string
		if tc.accepts != "" {
			header = []string{"Accept-Encoding: " + tc.accepts}
		}
		a := w.get("/server.list", header...)
		body := a.body
		if tc.gzip && a.status == 200 {
			body = unpack(t, body)
		}
		if got := a.header.Get("Content-Encoding") == "gzip"; got != tc.gzip || a.status != 200 || !bytes.Equal(body, plain.body) {
			t.Errorf("%q: status %d, gzip %v, %d bytes", tc.accepts, a.status, got, len(body))
		}
		if a.header.Get("Vary") != "Accept-Encoding" || a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
			t.Errorf("%q: Vary %q, Content-Length %q of %d", tc.accepts, a.header.Get("Vary"), a.header.Get("Content-Length"), len(a.body))
		}
		if same := a.header.Get("ETag") == plain.header.Get("ETag"); same == tc.gzip {
			t.Errorf("%q: ETag %s, of the document %s", tc.accepts, a.header.Get("ETag"), plain.header.Get("ETag"))
		}
	}
}

// TestGzipConditions asks for the compressed document in every way HTTP has.
func TestGzipConditions(t *testing.T) {
	t.Parallel()
	w := worldWithServers(t)
	const accepts = "Accept-Encoding: gzip"
	plain, packed := w.get("/server.list"), w.get("/server.list", accepts)
	etag, other := packed.header.Get("ETag"), plain.header.Get("ETag")
	for _, tc := range []struct {
		method, header string
		status         int
		body           []byte
		encoding       string
	}{
		{"HEAD", "Accept: */*", 200, nil, "gzip"},
		{"GET", "If-None-Match: " + etag, 304, nil, ""},
		{"HEAD", "If-None-Match: " + etag, 304, nil, ""},
		{"GET", `If-None-Match: "x", ` + etag, 304, nil, ""},
		{"GET", "If-None-Match: W/" + etag, 304, nil, ""},
		{"GET", "If-None-Match: *", 304, nil, ""},
		{"GET", "If-None-Match: " + other, 200, packed.body, "gzip"},
		{"GET", "If-Match: " + other, 412, nil, ""},
		{"GET", "If-Match: " + etag, 200, packed.body, "gzip"},
		{"GET", "If-Modified-Since: Mon, 02 Jan 2006 15:04:05 GMT", 200, packed.body, "gzip"},
		{"HEAD", "If-Modified-Since: Mon, 02 Jan 2006 15:04:05 GMT", 200, nil, "gzip"},
		// Parts are those of the document itself.
		{"GET", "Range: bytes=0-9", 206, plain.body[:10], ""},
		{"GET", "Range: bytes=-7", 206, plain.body[len(plain.body)-7:], ""},
		{"GET", "Range: bytes=999999999-", 416, nil, ""},
		{"GET", "Range: lines=1-2", 416, nil, ""},
	} {
		a := w.send(exchange{tc.method, w.public + "/server.list", []string{accepts, tc.header}, ""})
		if a.status != tc.status || tc.status < 400 && !bytes.Equal(a.body, tc.body) || a.header.Get("Content-Encoding") != tc.encoding {
			t.Errorf("%s %s: status %d, %d bytes, encoding %q", tc.method, tc.header, a.status, len(a.body), a.header.Get("Content-Encoding"))
		}
		if a.status >= 400 {
			a.problem(t, tc.status)
		}
		if a.status == 200 && a.header.Get("Content-Length") != packed.header.Get("Content-Length") {
			t.Errorf("%s %s: Content-Length %q", tc.method, tc.header, a.header.Get("Content-Length"))
		}
	}
	for condition, whole := range map[string]bool{other: false, etag: true, `"x"`: true} { // If-Range
		a := w.get("/server.list", accepts, "Range: bytes=0-8191", "If-Range: "+condition)
		want := plain.body[:min(8192, len(plain.body))]
		if whole {
			want = plain.body
		}
		if whole != (a.status == 200) || !bytes.Equal(a.body, want) || a.header.Get("Content-Encoding") != "" {
			t.Errorf("If-Range %s: status %d, %d bytes", condition, a.status, len(a.body))
		}
	}
	two := w.send(exchange{"GET", w.public + "/server.list", []string{accepts, "If-None-Match: \"x\"", "If-None-Match: " + etag}, ""})
	if two.status != 304 && two.status != 200 {
		t.Errorf("two lines of If-None-Match: status %d", two.status)
	}
}

// TestPackedDocument checks that what would not become smaller stays as it is.
func TestPackedDocument(t *testing.T) {
	t.Parallel()
	small := &issue.Document{Bytes: []byte("x"), ETag: `"e"`, Issued: time.Unix(0, 0)}
	if small.Packed() != nil || small.Plain().ETag != `"e"` {
		t.Errorf("%+v", small.Packed())
	}
	large := &issue.Document{Bytes: []byte(strings.Repeat("line\n", 1000)), ETag: `"e"`, Issued: time.Unix(0, 0)}
	p := large.Packed()
	if p == nil || p.ETag != `"e-gzip"` || p != large.Packed() || !bytes.Equal(unpack(t, p.Bytes), large.Bytes) {
		t.Errorf("%+v", p)
	}
}
