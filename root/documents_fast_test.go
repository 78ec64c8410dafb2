package root_test

import (
	"bytes"
	"maps"
	"net/http"
	"testing"
)

// The fast way and the other one answer alike: with Accept-Encoding the request
// takes the other one.
func TestFastDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.http.Transport = &http.Transport{DisableCompression: true} // it would ask for gzip
	for _, path := range []string{"/server.list", "/mirror.list", "/trust/1.trust"} {
		etag := w.get(path).header.Get("ETag")
		for _, header := range [][]string{nil, {"If-None-Match: " + etag}, {"If-None-Match: \"other\""}} {
			fast := w.get(path, header...)
			slow := w.get(path, append(header, "Accept-Encoding: identity")...)
			for _, a := range []answer{fast, slow} {
				a.header.Del("Date")
				a.header.Del("Vary")
			}
			if fast.status != slow.status || !bytes.Equal(fast.body, slow.body) {
				t.Errorf("%s %q: status %d, %d bytes; the other way %d, %d bytes", path, header,
					fast.status, len(fast.body), slow.status, len(slow.body))
			}
			if !maps.EqualFunc(fast.header, slow.header, func(a, b []string) bool { return a[0] == b[0] }) {
				t.Errorf("%s %q: headers\n%v, the other way\n%v", path, header, fast.header, slow.header)
			}
		}
	}
}
