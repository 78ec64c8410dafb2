package serverlist_test

import (
	"bytes"
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/testdata"
)

// FuzzServers signs any body as that of a server list, for otherwise the fuzzer
// would not get beyond the signature.
func FuzzServers(f *testing.F) {
	addVectorBodies(f, "server.list", fullLine)
	fuzzBody(f, wantServers, func(l *serverlist.List) ([]byte, error) { return serverlist.EncodeServers(l.Servers) })
}

// FuzzMirrors does the same for mirror lists.
func FuzzMirrors(f *testing.F) {
	addVectorBodies(f, "mirror.list", `{"id":"a","operator":"A","region":"eu","contact":"x","urls":["http://a.example/ms/"],"root":true,"z":0}`+"\n")
	fuzzBody(f, wantMirrors, func(l *serverlist.List) ([]byte, error) { return serverlist.EncodeMirrors(l.Mirrors) })
}

// fuzzBody holds that a signed body is read whatever it says, by Open and Read
// alike; and that what was kept is written in a form that reads as the same
// entries and is written the same again.
func fuzzBody(f *testing.F, want serverlist.Want, encode func(*serverlist.List) ([]byte, error)) {
	root := newRoot()
	chain := root.Chain()
	f.Fuzz(func(t *testing.T, body []byte) {
		if bytes.IndexByte(body, '\r') >= 0 {
			return // not what was signed once line ends are LF
		}
		doc := root.Sign(serverlist.Draft{Type: want.Type, Body: body})
		list, err := serverlist.Open(doc, want, chain)
		streamed, readErr := serverlist.Read(iotest.HalfReader(bytes.NewReader(doc)), want, chain)
		if err != nil || readErr != nil {
			if e := new(keys.Error); !errors.As(err, &e) || e.Layer != keys.LayerBody || readErr == nil || readErr.Error() != err.Error() {
				t.Fatalf("Open says %v, Read says %v", err, readErr)
			}
			return
		}
		if !reflect.DeepEqual(list, streamed) {
			t.Fatalf("Open and Read differ:\n%+v\n%+v", list, streamed)
		}
		once, err := encode(list)
		if err != nil {
			t.Fatalf("read but not written: %v", err)
		}
		again, err := serverlist.Open(root.Sign(serverlist.Draft{Type: want.Type, Body: once}), want, chain)
		if err != nil || len(again.Skipped) > 0 {
			t.Fatalf("written but not read: %v, %v\n%s", err, again.Skipped, once)
		}
		slices.SortFunc(list.Servers, func(a, b serverlist.Server) int { return strings.Compare(a.ID, b.ID) })
		slices.SortFunc(list.Mirrors, func(a, b serverlist.Mirror) int { return strings.Compare(a.ID, b.ID) })
		if !slices.EqualFunc(list.Servers, again.Servers, equalEntries) || !slices.EqualFunc(list.Mirrors, again.Mirrors, equalEntries) {
			t.Fatalf("entries are lost or changed on the way:\n%s\n%s", body, once)
		}
		if twice, err := encode(again); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("not canonical (%v):\n%s\n%s", err, once, twice)
		}
	})
}

func equalEntries[E any](a, b E) bool { return reflect.DeepEqual(a, b) }

// addVectorBodies adds the bodies of the conformance vectors' documents of this
// name, and one with every member.
func addVectorBodies(f *testing.F, name, full string) {
	f.Helper()
	f.Add([]byte(full))
	addVectors(f, name, func(document []byte) []byte {
		if parts := bytes.SplitN(document, []byte("\n\n"), 3); len(parts) == 3 {
			return parts[2]
		}
		return nil
	})
}

// addVectors adds a part of each of the conformance vectors' documents of this
// name, unless it is nil, large or there already.
func addVectors(f *testing.F, name string, part func(document []byte) []byte) {
	f.Helper()
	vectors := testdata.Vectors()
	paths, err := fs.Glob(vectors, "*/"+name)
	if err != nil || len(paths) == 0 {
		f.Fatalf("%d vectors, %v", len(paths), err)
	}
	added := make(map[string]bool)
	for _, path := range paths {
		document, err := fs.ReadFile(vectors, path)
		if err != nil {
			f.Fatal(err)
		}
		if seed := part(document); seed != nil && len(seed) < 1<<16 && !added[string(seed)] {
			added[string(seed)] = true
			f.Add(seed)
		}
	}
}
