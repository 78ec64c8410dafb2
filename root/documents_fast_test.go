package root_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"
)

// The fast way and the other one answer alike: with If-Match the request takes
// the other one.
func TestFastDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/server.list", "/mirror.list", "/trust/1.trust"} {
		for _, accepts := range []string{"Accept-Encoding: identity", "Accept-Encoding: gzip"} {
			etag := w.get(path, accepts).header.Get("ETag")
			for _, header := range [][]string{{accepts}, {accepts, "If-None-Match: " + etag}, {accepts, "If-None-Match: \"other\""}} {
				fast := w.get(path, header...)
				slow := w.get(path, append(header, "If-Match: *")...)
				for _, a := range []answer{fast, slow} {
					a.header.Del("Date")
				}
				if fast.status != slow.status || !bytes.Equal(fast.body, slow.body) {
					t.Errorf("%s %q: status %d, %d bytes; the other way %d, %d bytes", path, header,
						fast.status, len(fast.body), slow.status, len(slow.body))
				}
				if !maps.EqualFunc(fast.header, slow.header, slices.Equal) {
					t.Errorf("%s %q: headers\n%v, the other way\n%v", path, header, fast.header, slow.header)
				}
			}
		}
	}
}
