package publishtest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// holds checks that the target has exactly these documents.
func holds(t *testing.T, target publish.Target, docs publish.Documents) {
	t.Helper()
	want := map[string][]byte{publish.MirrorList: docs.Mirrors.Bytes(), publish.ServerList: docs.Servers.Bytes()}
	for _, doc := range docs.Trust.Documents() {
		want[publish.TrustName(doc.Version)] = doc.Bytes()
	}
	s := session(t, target)
	for name, data := range want {
		if !bytes.Equal(readOrNil(t, s, name), data) {
			t.Errorf("%s is not what was published", name)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// readOrNil returns nil if the document is absent.
func readOrNil(t *testing.T, s publish.Session, name string) []byte {
	t.Helper()
	r, err := s.Read(t.Context(), name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return append([]byte{}, data...)
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
