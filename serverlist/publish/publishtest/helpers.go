package publishtest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// Sweep tells whether the tests should take their time: see the package comment.
func Sweep() bool { return os.Getenv("METASERVER_TEST_SWEEP") == "1" }

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
	write(t, target, map[string][]byte{publish.TrustName(1): b.trust, publish.MirrorList: b.mirror, publish.ServerList: b.server})
}

func (b publishBytes) putTrust(t *testing.T, target publish.Target, n int64) {
	t.Helper()
	write(t, target, map[string][]byte{publish.TrustName(n): b.trust})
}

// write puts files on a target in one session.
func write(t *testing.T, target publish.Target, files map[string][]byte) {
	t.Helper()
	s := session(t, target)
	for name, data := range files {
		if data == nil {
			data = []byte("nothing")
		}
		if err := s.Write(t.Context(), name, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
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
