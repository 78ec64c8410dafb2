package publishtest

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// holds checks that the target has exactly these documents.
func holds(t *testing.T, target publish.Target, docs publish.Documents) {
	t.Helper()
	for _, doc := range docs.Trust.Documents() {
		if !bytes.Equal(read(t, target, publish.TrustName(doc.Version)), doc.Bytes()) {
			t.Errorf("%s is not what was published", publish.TrustName(doc.Version))
		}
	}
	if !bytes.Equal(read(t, target, publish.MirrorList), docs.Mirrors.Bytes()) {
		t.Errorf("%s is not what was published", publish.MirrorList)
	}
	if !bytes.Equal(read(t, target, publish.ServerList), docs.Servers.Bytes()) {
		t.Errorf("%s is not what was published", publish.ServerList)
	}
}

// publishBytes is what a test puts on a target; nil members become the word
// "nothing".
type publishBytes struct{ trust, mirror, server []byte }

func bytesOf(d publish.Documents) publishBytes {
	return publishBytes{d.Trust.Pinned().Bytes(), d.Mirrors.Bytes(), d.Servers.Bytes()}
}

func (b publishBytes) put(t *testing.T, target publish.Target) {
	t.Helper()
	b.putTrust(t, target, 1)
	write(t, target, publish.MirrorList, b.mirror)
	write(t, target, publish.ServerList, b.server)
}

func (b publishBytes) putTrust(t *testing.T, target publish.Target, n int64) {
	t.Helper()
	write(t, target, publish.TrustName(n), b.trust)
}

func write(t *testing.T, target publish.Target, name string, data []byte) {
	t.Helper()
	if data == nil {
		data = []byte("nothing")
	}
	s := session(t, target)
	if err := errors.Join(s.Write(t.Context(), name, data), s.Close()); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, target publish.Target, name string) []byte {
	t.Helper()
	s := session(t, target)
	r, err := s.Read(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	return data
}

// session opens the target. Closing it twice must do no harm.
func session(t *testing.T, target publish.Target) publish.Session {
	t.Helper()
	s, err := target.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustSet(t *testing.T, target publish.Target, docs publish.Documents) {
	t.Helper()
	if _, err := publish.Set(t.Context(), target, docs); err != nil {
		t.Fatal(err)
	}
}

func wantStates(t *testing.T, report publish.Report, want publish.State) {
	t.Helper()
	for _, o := range report.Documents {
		if o.State != want {
			t.Errorf("%s is %s (%s), want %s", o.Name, o.State, o.Detail, want)
		}
	}
}

func flip(data []byte, at int) []byte {
	changed := bytes.Clone(data)
	changed[at] ^= 1
	return changed
}
