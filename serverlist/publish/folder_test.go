package publish_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

const t0 = 1_793_000_000 // version of a first edition

func TestFolderContract(t *testing.T) {
	t.Parallel()
	publishtest.Contract(t, func(t *testing.T) publish.Target {
		return publish.Folder{Path: filepath.Join(t.TempDir(), "www", "ms")}
	})
}

func set(t *testing.T, dir string, docs publish.Documents) publish.Report {
	t.Helper()
	report, err := publish.Set(t.Context(), publish.Folder{Path: dir}, docs)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// wantFiles checks that the files are those of docs, and that there are no
// others.
func wantFiles(t *testing.T, dir string, docs publish.Documents) {
	t.Helper()
	want := map[string][]byte{"mirror.list": docs.Mirrors.Bytes(), "server.list": docs.Servers.Bytes()}
	for _, d := range docs.Trust.Documents() {
		want[publish.TrustName(d.Version)] = d.Bytes()
	}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if !bytes.Equal(data, want[name]) {
			t.Errorf("%s is not what was published", name)
		}
		delete(want, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

func TestFolderRemovesWhatAKilledProcessLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	set(t, dir, docs)
	for _, name := range []string{".durable-1", "trust/.durable-2"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if set(t, dir, docs).Changed() {
		t.Error("an unchanged set was written again")
	}
	wantFiles(t, dir, docs)
}

// TestFolderOddPaths lists what stands in the way of a document or its folder.
// In each case nothing may change, and the message must say what to do.
func TestFolderOddPaths(t *testing.T) {
	t.Parallel()
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	for name, c := range map[string]struct {
		prepare func(dir string) error
		path    string // below dir
		want    string
	}{
		"path is a file":          {func(dir string) error { return os.WriteFile(dir+"/f", nil, 0o644) }, "f", "is not a folder"},
		"path below a file":       {func(dir string) error { return os.WriteFile(dir+"/f", nil, 0o644) }, "f/g", "not a directory"},
		"path is a dangling link": {func(dir string) error { return os.Symlink("away", dir+"/l") }, "l", "not mounted?"},
		"server.list is a link":   {func(dir string) error { return os.Symlink("/etc/hostname", dir+"/server.list") }, "", "a symbolic link): remove it"},
		"server.list is a folder": {func(dir string) error { return os.Mkdir(dir+"/server.list", 0o755) }, "", "a folder): remove it"},
		"mirror.list is dangling": {func(dir string) error { return os.Symlink("away", dir+"/mirror.list") }, "", "a symbolic link): remove it"},
		"trust is a link":         {func(dir string) error { return os.Symlink("/tmp", dir+"/trust") }, "", "a symbolic link): remove it"},
		"trust is a file":         {func(dir string) error { return os.WriteFile(dir+"/trust", nil, 0o644) }, "", "a file): remove it"},
		"trust document is a link": {func(dir string) error {
			return errors.Join(os.Mkdir(dir+"/trust", 0o755), os.Symlink("x", dir+"/trust/2.trust"))
		}, "", "a symbolic link): remove it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := c.prepare(dir); err != nil {
				t.Fatal(err)
			}
			before := listing(t, dir)
			_, err := publish.Set(t.Context(), publish.Folder{Path: filepath.Join(dir, c.path)}, docs)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if after := listing(t, dir); after != before {
				t.Errorf("the folder changed from %s to %s", before, after)
			}
		})
	}
	if _, err := publish.Set(t.Context(), publish.Folder{}, docs); err == nil || !strings.Contains(err.Error(), "no path") {
		t.Errorf("a folder without path: %v", err)
	}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		names = append(names, strings.TrimPrefix(path, dir)+" "+e.Type().String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, "; ")
}

func TestFolderBehindALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(dir+"/real", 0o755), os.Symlink("real", dir+"/www")); err != nil {
		t.Fatal(err)
	}
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	set(t, dir+"/www", docs)
	wantFiles(t, dir+"/real", docs)
}

func TestFolderWarnsOfCRLF(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	set(t, dir, docs)
	for _, name := range []string{"trust/1.trust", "mirror.list", "server.list"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range set(t, dir, docs).Documents {
		if o.State != publish.Unchanged || !strings.Contains(o.Detail, "CRLF") {
			t.Errorf("%+v: want unchanged, with a warning about line ends", o)
		}
	}
}

// TestFolderLeavesAnothersTrustDocument: a document that does not follow may
// belong to a root that was set up anew. It is named and left alone.
func TestFolderLeavesAnothersTrustDocument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	former := publishtest.NewRoot(serverlisttest.Options{Seed: "former"})
	former.Rotate(true)
	set(t, dir, former.Documents(t0, "alpha"))
	report := set(t, dir, publishtest.NewRoot(serverlisttest.Options{}).Documents(t0+1, "alpha"))
	var states []publish.State
	for _, o := range report.Documents {
		states = append(states, o.State)
	}
	if len(states) != 4 || states[0] != publish.Repaired || states[1] != publish.Ignored || states[3] != publish.Repaired {
		t.Errorf("states are %v, want trust/1 repaired, trust/2 ignored, lists repaired", states)
	}
	if data, err := os.ReadFile(dir + "/trust/2.trust"); err != nil || !bytes.Equal(data, former.Chain().Newest().Bytes()) {
		t.Errorf("trust/2.trust was changed or removed: %v", err)
	}
}

func TestSetRefusesWhatClientsWouldRefuse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := publishtest.NewRoot(serverlisttest.Options{})
	before := root.Documents(t0, "alpha")
	chain := root.Rotate(false)
	other := publishtest.NewRoot(serverlisttest.Options{Origin: "other.example.org"}).Documents(t0, "alpha")
	for name, docs := range map[string]publish.Documents{
		"no trust":             {Servers: before.Servers},
		"keys no longer count": {Trust: chain, Mirrors: before.Mirrors, Servers: before.Servers},
		"another origin":       {Trust: chain, Servers: other.Servers},
		"swapped":              {Trust: before.Trust, Mirrors: before.Servers, Servers: before.Mirrors},
	} {
		if _, err := publish.Set(t.Context(), publish.Folder{Path: dir}, docs); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
	if got := listing(t, dir); got != " d---------" {
		t.Errorf("the folder holds %s", got)
	}
}

// TestFolderReadersAndPublishers lets several publishers with editions of
// their own meet at one folder while a reader opens the files as a web server
// does. The reader must see complete documents that never become older.
func TestFolderReadersAndPublishers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := publishtest.NewRoot(serverlisttest.Options{})
	const publishers, editions = 3, 12
	var sets [publishers][]publish.Documents
	for i := range publishers * editions {
		sets[i%publishers] = append(sets[i%publishers], root.Documents(t0+int64(i), "alpha", "beta"))
	}
	set(t, dir, sets[0][0])

	stop := make(chan struct{})
	var reader, writers sync.WaitGroup
	reader.Go(func() { watch(t, dir, root.Chain(), stop) })
	for _, own := range sets {
		writers.Go(func() {
			for _, docs := range own {
				if _, err := publish.Set(t.Context(), publish.Folder{Path: dir}, docs); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	reader.Wait()
	wantFiles(t, dir, sets[publishers-1][editions-1])
}

func watch(t *testing.T, dir string, chain *keys.Chain, stop <-chan struct{}) {
	var newest int64
	for n := 0; ; n++ {
		select {
		case <-stop:
			t.Logf("%d documents read", n)
			return
		default:
		}
		data, err := os.ReadFile(filepath.Join(dir, "server.list"))
		if err != nil {
			t.Error(err)
			return
		}
		list, err := serverlist.Open(data, serverlist.Want{Origin: chain.Origin(), Type: serverlist.TypeServerList}, chain)
		if err != nil {
			t.Errorf("a reader saw a document that does not verify: %v", err)
			return
		}
		if list.Head.Version < newest {
			t.Errorf("the folder went back from %d to %d", newest, list.Head.Version)
		}
		newest = list.Head.Version
	}
}

func TestFolderWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	s, err := publish.Folder{Path: dir}.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := publish.Set(ctx, publish.Folder{Path: dir}, docs); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another program") {
		t.Errorf("a folder in use gives %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	set(t, dir, docs)
	wantFiles(t, dir, docs)
}

// TestFolderFilledMeanwhile: what a session has read of a folder that was not
// there is no longer true once another program has made it.
func TestFolderFilledMeanwhile(t *testing.T) {
	t.Parallel()
	folder := publish.Folder{Path: filepath.Join(t.TempDir(), "www")}
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	s, err := folder.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	set(t, folder.Path, docs)
	if err := s.Write(t.Context(), publish.ServerList, []byte("older")); err == nil || !strings.Contains(err.Error(), "run again") {
		t.Errorf("got %v", err)
	}
	wantFiles(t, folder.Path, docs)
}
