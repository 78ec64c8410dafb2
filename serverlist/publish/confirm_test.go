package publish_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A manglingHost accepts every document and keeps something else.
type manglingHost struct {
	publish.Folder
	keep func(name string, data []byte) []byte // nil: the write is forgotten
}

func (h manglingHost) Open(ctx context.Context) (publish.Session, error) {
	s, err := h.Folder.Open(ctx)
	return manglingSession{s, h}, err
}

type manglingSession struct {
	publish.Session
	host manglingHost
}

func (s manglingSession) Write(ctx context.Context, name string, data []byte) error {
	kept := s.host.keep(name, bytes.Clone(data))
	if kept == nil {
		return nil
	}
	return s.Session.Write(ctx, name, kept)
}

// TestSetReadsBack: a host that reports success and holds something else must
// be found out at once, not by the players.
func TestSetReadsBack(t *testing.T) {
	t.Parallel()
	only := func(which string, change func([]byte) []byte) func(string, []byte) []byte {
		return func(name string, data []byte) []byte {
			if name == which {
				return change(data)
			}
			return data
		}
	}
	cut := func(data []byte) []byte { return data[:len(data)/2] }
	forget := func([]byte) []byte { return nil }
	script := func(data []byte) []byte { return append(data, "<script></script>\n"...) }
	for name, c := range map[string]struct {
		keep func(string, []byte) []byte
		want string
	}{
		"cuts the server list":       {only("server.list", cut), "server.list was written, and what came back does not verify"},
		"cuts the mirror list":       {only("mirror.list", cut), "mirror.list was written, and what came back does not verify"},
		"cuts a trust document":      {only("trust/2.trust", cut), "trust/2.trust was written, and something else came back"},
		"appends a script":           {only("server.list", script), "some web hosts append a script"},
		"forgets the server list":    {only("server.list", forget), "server.list was written, and something else came back"},
		"forgets one trust document": {only("trust/2.trust", forget), "trust/2.trust was written, and something else came back"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := publishtest.NewRoot(serverlisttest.Options{})
			folder := publish.Folder{Path: t.TempDir()}
			set(t, folder.Path, root.Documents(t0, "alpha"))
			root.Rotate(true)
			report, err := publish.Set(t.Context(), manglingHost{folder, c.keep}, root.Documents(t0+1, "alpha", "beta"))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			want := publish.Written
			for _, o := range report.Documents[1:] { // trust/1.trust was there
				if strings.HasPrefix(c.want, o.Name) || strings.HasPrefix(name, "appends") && o.Name == publish.ServerList {
					want = publish.Unconfirmed // and so is what comes behind
				}
				if o.State != want {
					t.Errorf("%s is %s, want %s", o.Name, o.State, want)
				}
			}
		})
	}
}

// A deferringHost keeps what is written for the end, which fails.
type deferringHost struct{ publish.Folder }

func (h deferringHost) Open(ctx context.Context) (publish.Session, error) {
	s, err := h.Folder.Open(ctx)
	return &deferringSession{s, false}, err
}

type deferringSession struct {
	publish.Session
	wrote bool
}

func (s *deferringSession) Write(context.Context, string, []byte) error {
	s.wrote = true
	return nil
}

func (s *deferringSession) Close() error {
	if err := s.Session.Close(); err != nil || !s.wrote {
		return err
	}
	return errors.New("the push was refused")
}

// TestSetReportsNothingAsWrittenThatIsNot also where Write had no error.
func TestSetReportsNothingAsWrittenThatIsNot(t *testing.T) {
	t.Parallel()
	root := publishtest.NewRoot(serverlisttest.Options{})
	folder := publish.Folder{Path: t.TempDir()}
	set(t, folder.Path, root.Documents(t0, "alpha"))
	report, err := publish.Set(t.Context(), deferringHost{folder}, root.Documents(t0+1, "alpha"))
	if err == nil || !strings.Contains(err.Error(), "the push was refused") {
		t.Errorf("got %v", err)
	}
	want := []publish.State{publish.Unchanged, publish.Unconfirmed, publish.Unconfirmed}
	for i, o := range report.Documents {
		if o.State != want[i] {
			t.Errorf("%s is %s, want %s", o.Name, o.State, want[i])
		}
	}
	if !report.Changed() {
		t.Error("what may have been written counts as nothing")
	}
}

func TestSetOnAHostThatChangesLineEnds(t *testing.T) {
	t.Parallel()
	root := publishtest.NewRoot(serverlisttest.Options{})
	host := manglingHost{publish.Folder{Path: t.TempDir()}, func(_ string, data []byte) []byte {
		return bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	}}
	docs := root.Documents(t0, "alpha")
	for _, want := range []publish.State{publish.Written, publish.Unchanged} {
		report, err := publish.Set(t.Context(), host, docs)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range report.Documents {
			if o.State != want || !strings.Contains(o.Detail, "CRLF") {
				t.Errorf("%+v: want %s, with a warning about line ends", o, want)
			}
		}
	}
}

// A failingDisk yields the beginning of each list and then an error.
type failingDisk struct{ publish.Folder }

func (d failingDisk) Open(ctx context.Context) (publish.Session, error) {
	s, err := d.Folder.Open(ctx)
	return failingSession{s}, err
}

type failingSession struct{ publish.Session }

func (s failingSession) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := s.Session.Read(ctx, name)
	if err != nil || strings.HasPrefix(name, "trust/") {
		return r, err
	}
	broken := io.MultiReader(io.LimitReader(r, 500), iotest.ErrReader(errors.New("input/output error")))
	return struct {
		io.Reader
		io.Closer
	}{broken, r}, nil
}

// TestSetDoesNotWriteOverWhatItCannotRead: it may be newer.
func TestSetDoesNotWriteOverWhatItCannotRead(t *testing.T) {
	t.Parallel()
	root := publishtest.NewRoot(serverlisttest.Options{})
	folder := publish.Folder{Path: t.TempDir()}
	newer := root.Documents(t0+1, "alpha")
	set(t, folder.Path, newer)
	spy := &publishtest.Spy{Target: failingDisk{folder}}
	if _, err := publish.Set(t.Context(), spy, root.Documents(t0, "alpha")); err == nil || !strings.Contains(err.Error(), "input/output error") {
		t.Errorf("got %v", err)
	}
	if len(spy.Writes()) > 0 {
		t.Errorf("written %v", spy.Writes())
	}
}
