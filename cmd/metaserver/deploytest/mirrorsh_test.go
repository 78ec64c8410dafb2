package deploytest

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A scriptWorld is a root, a site that the script fetches from, and the folder
// that it publishes to.
type scriptWorld struct {
	*system
	root   *serverlisttest.Root
	site   *serverlisttest.Site
	url    string
	folder string
	trust  string // the file that the admin gave away
}

func newScriptWorld(t testing.TB, s shell) *scriptWorld {
	t.Helper()
	root := serverlisttest.NewRoot(serverlisttest.Options{Now: time.Now().Add(-time.Hour)})
	w := &scriptWorld{system: newSystem(t, s), root: root, site: root.Site(serverlisttest.Honest)}
	w.url = w.site.Start(t).URL
	w.folder = filepath.Join(t.TempDir(), "web", "ms")
	w.trust = filepath.Join(t.TempDir(), "1.trust")
	if err := os.WriteFile(w.trust, root.Pinned(), 0o644); err != nil {
		t.Fatal(err)
	}
	w.edition("alpha")
	return w
}

// edition publishes both lists at the root.
func (w *scriptWorld) edition(ids ...string) {
	w.root.Publish(serverlisttest.Mirrors("http://mirror.example.net/" + ids[0] + "/"))
	w.root.Publish(serverlisttest.Servers(ids...))
}

// checked runs the script with the trust document, and unchecked without.
func (w *scriptWorld) checked(env ...string) ending {
	return w.run(append([]string{"ROOT=" + w.url, "TARGET=" + w.folder, "TRUST=" + w.trust}, env...)...)
}

func (w *scriptWorld) unchecked(env ...string) ending {
	return w.run(append([]string{"ROOT=" + w.url, "TARGET=" + w.folder}, env...)...)
}

// must expects a run that went well.
func (w *scriptWorld) must(e ending) ending {
	w.t.Helper()
	if e.status != 0 {
		w.t.Fatalf("status %d\n%s%s", e.status, e.out, e.err)
	}
	return e
}

// files returns the contents of a folder by name.
func files(t testing.TB, fsys fs.FS) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		found[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// holds expects the folder to be what the root has published, and nothing else.
func (w *scriptWorld) holds() {
	w.t.Helper()
	w.holdsFiles(files(w.t, w.root.Folder()))
}

func (w *scriptWorld) holdsFiles(want map[string]string) {
	w.t.Helper()
	if got := files(w.t, os.DirFS(w.folder)); !maps.Equal(got, want) {
		w.t.Fatalf("the folder holds %v, and not what it should of %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// TestMirrorScript publishes edition after edition.
func TestMirrorScript(t *testing.T) {
	t.Parallel()
	for _, s := range shells {
		for _, withTrust := range []bool{true, false} {
			name := s.name
			if !withTrust {
				name += ", signatures not checked"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newScriptWorld(t, s)
				run := w.unchecked
				if withTrust {
					run = w.checked
				}
				e := w.must(run())
				w.holds()
				if n := strings.Count(e.out, "published"); n != 3 {
					t.Errorf("%d documents were published:\n%s", n, e.out)
				}
				if warned := strings.Contains(e.err, "forged list is NOT detected"); warned == withTrust {
					t.Errorf("standard error says %q", e.err)
				}
				w.quiet(run)

				w.edition("alpha", "beta")
				w.must(run())
				w.holds()

				w.root.Amend(serverlisttest.Change{Lists: []string{"list/2"}})
				w.root.Amend(serverlisttest.Change{Revoke: []string{"list/1"}})
				w.edition("gamma")
				w.must(run())
				w.holds()
				w.quiet(run)
				w.modes()
			})
		}
	}
}

// quiet expects that nothing happens when nothing is new.
func (w *scriptWorld) quiet(run func(...string) ending) {
	w.t.Helper()
	before := w.stamps()
	if e := run(); e != (ending{}) {
		w.t.Errorf("nothing is new, and the script ends with %+v", e)
	}
	if after := w.stamps(); !maps.Equal(before, after) {
		w.t.Errorf("nothing is new, and files were written: %v, %v", before, after)
	}
}

// stamps tells which file lies under which name.
func (w *scriptWorld) stamps() map[string]time.Time {
	w.t.Helper()
	stamps := make(map[string]time.Time)
	for name := range files(w.t, os.DirFS(w.folder)) {
		info, err := os.Stat(filepath.Join(w.folder, name))
		if err != nil {
			w.t.Fatal(err)
		}
		stamps[name] = info.ModTime()
	}
	return stamps
}

// modes expects files that a web server can read.
func (w *scriptWorld) modes() {
	w.t.Helper()
	for name := range files(w.t, os.DirFS(w.folder)) {
		info, err := os.Stat(filepath.Join(w.folder, name))
		if err != nil || info.Mode().Perm() != 0o644 {
			w.t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
}

// TestMirrorScriptRepairs lets the folder rot in many ways; the next run mends
// it, and says so.
func TestMirrorScriptRepairs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file   string
		break_ func([]byte) []byte
	}{
		"half a list":          {"server.list", func(d []byte) []byte { return d[:len(d)/2] }},
		"an empty list":        {"server.list", func([]byte) []byte { return nil }},
		"a changed body":       {"server.list", func(d []byte) []byte { return bytes.Replace(d, []byte("alpha"), []byte("aloha"), 1) }},
		"a changed head":       {"mirror.list", func(d []byte) []byte { return bytes.Replace(d, []byte("epoch 1"), []byte("epoch 9"), 1) }},
		"a banner":             {"mirror.list", func(d []byte) []byte { return append(d, "<script>"...) }},
		"a page":               {"server.list", func([]byte) []byte { return []byte("<html>Welcome to your new web space!</html>") }},
		"a changed trust":      {"trust/1.trust", func(d []byte) []byte { return bytes.Replace(d, []byte("epoch 1"), []byte("epoch 2"), 1) }},
		"no trust":             {"trust/2.trust", nil},
		"half a trust":         {"trust/2.trust", func(d []byte) []byte { return d[:len(d)/2] }},
		"a trust out of order": {"trust/2.trust", func(d []byte) []byte { return bytes.Replace(d, []byte("version 2"), []byte("version 3"), 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newScriptWorld(t, shells[0])
			w.root.Amend(serverlisttest.Change{})
			w.edition("alpha")
			w.must(w.checked())
			path := filepath.Join(w.folder, c.file)
			if c.break_ == nil {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(path, c.break_([]byte(files(t, os.DirFS(w.folder))[c.file])), 0o644); err != nil {
				t.Fatal(err)
			}
			w.must(w.checked())
			w.holds()
			w.quiet(w.checked)
		})
	}
}

// TestMirrorScriptForgedBefore: what was forged while signatures were not
// checked, and claims to be newer than anything, goes once they are.
func TestMirrorScriptForgedBefore(t *testing.T) {
	t.Parallel()
	w := newScriptWorld(t, shells[0])
	w.root.Clock.Advance(30 * time.Minute)
	w.site.SetFault(serverlisttest.Stranger)
	w.must(w.unchecked())
	if data, err := os.ReadFile(filepath.Join(w.folder, "server.list")); err != nil || !bytes.Contains(data, []byte("impostor")) {
		t.Fatalf("the forged list is not there: %v", err)
	}
	w.site.SetFault(serverlisttest.Honest)
	if e := w.must(w.checked()); !strings.Contains(e.err, "it is replaced") {
		t.Errorf("standard error says %q", e.err)
	}
	w.holds()
}

// TestMirrorScriptKeepsNewer: the root goes back behind what is published, in
// lists and in trust documents.
func TestMirrorScriptKeepsNewer(t *testing.T) {
	t.Parallel()
	for _, s := range shells[:3] {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newScriptWorld(t, s)
			old := w.root.Folder()
			w.root.Amend(serverlisttest.Change{})
			w.edition("beta")
			w.must(w.checked())
			for name, file := range old {
				w.site.Put(name, file.Data)
			}
			w.site.Put("trust/2.trust", nil)
			e := w.must(w.checked())
			w.holds()
			if strings.Count(e.err, "which is published already and stays") != 2 {
				t.Errorf("standard error says %q", e.err)
			}
			// A list of the epoch before the revocation never comes back either.
			w.site.Put("server.list", w.root.Sign(serverlist.Draft{Epoch: 1, Issued: w.root.Clock.Now().Add(-time.Minute)}))
			w.must(w.checked())
			w.holds()
		})
	}
}

// TestMirrorScriptEquivocation: two editions of one version. What is published
// stays, and somebody is told.
func TestMirrorScriptEquivocation(t *testing.T) {
	t.Parallel()
	w := newScriptWorld(t, shells[0])
	w.must(w.checked())
	list := w.root.Open(serverlist.TypeServerList, []byte(files(t, os.DirFS(w.folder))["server.list"]))
	other := serverlisttest.Servers("other")
	other.Issued = list.Head.Issued
	w.site.Put("server.list", w.root.Sign(other))
	if e := w.checked(); e.status != 1 || !strings.Contains(e.err, "is not what the admins meant") {
		t.Errorf("the script ends with %+v", e)
	}
	w.holds()
}

// TestMirrorScriptAhead: a list from the future would outrank all honest ones.
func TestMirrorScriptAhead(t *testing.T) {
	t.Parallel()
	w := newScriptWorld(t, shells[0])
	w.must(w.checked())
	want := files(t, os.DirFS(w.folder))
	far := serverlisttest.Servers("alpha")
	far.Issued = time.Now().Add(25 * time.Hour).Truncate(time.Second)
	w.site.Put("server.list", w.root.Sign(far))
	if e := w.checked(); e.status != 1 || !strings.Contains(e.err, "ahead of this machine's clock") {
		t.Errorf("the script ends with %+v", e)
	}
	w.holdsFiles(want)
}

// TestMirrorScriptNeedsOpenssl: a machine without it does not pretend to check.
func TestMirrorScriptNeedsOpenssl(t *testing.T) {
	t.Parallel()
	w := newScriptWorld(t, shells[0])
	w.remove("openssl")
	if e := w.checked(); e.status != 1 || !strings.Contains(e.err, "no openssl 3") {
		t.Errorf("the script ends with %+v", e)
	}
	if _, err := os.Stat(w.folder); err == nil {
		t.Error("something was published")
	}
	w.must(w.unchecked())
	w.holds()
}

// TestMirrorScriptUsage lists what a user may write that cannot be meant.
func TestMirrorScriptUsage(t *testing.T) {
	t.Parallel()
	w := newScriptWorld(t, shells[0])
	for want, env := range map[string][]string{
		"ROOT must be a URL":        {"TARGET=x"},
		"begins with http":          {"ROOT=ftp://127.0.0.1/", "TARGET=x"},
		"or a login":                {"ROOT=http://me:secret@127.0.0.1/", "TARGET=x"},
		"TARGET must be a folder":   {"ROOT=" + w.url},
		"or an ftp:// URL":          {"ROOT=" + w.url, "TARGET=sftp://127.0.0.1/"},
		"not in the URL":            {"ROOT=" + w.url, "TARGET=ftp://me:secret@127.0.0.1/"},
		"cannot be read":            {"ROOT=" + w.url, "TARGET=x", "TRUST=absent"},
		"MAX_TIME must be a number": {"ROOT=" + w.url, "TARGET=x", "MAX_TIME=soon"},
	} {
		e := w.run(env...)
		if e.status != 2 || e.out != "" || !strings.Contains(e.err, want) || strings.Contains(e.err, "secret") {
			t.Errorf("%v: the script ends with %+v, want %q", env, e, want)
		}
	}
}

// published verifies the folder as a client does.
func (w *scriptWorld) published() (mirrors, servers *serverlist.List) {
	w.t.Helper()
	found := files(w.t, os.DirFS(w.folder))
	chain, err := keys.NewChain(w.root.Pinned())
	for n := int64(2); err == nil && found[publish.TrustName(n)] != ""; n++ {
		chain, err = chain.Extend([]byte(found[publish.TrustName(n)]))
	}
	if err == nil {
		mirrors, err = serverlist.Open([]byte(found["mirror.list"]), w.root.Want(serverlist.TypeMirrorList), chain)
	}
	if err == nil {
		servers, err = serverlist.Open([]byte(found["server.list"]), w.root.Want(serverlist.TypeServerList), chain)
	}
	if err != nil {
		w.t.Fatalf("the folder holds a document that does not verify: %v", err)
	}
	return mirrors, servers
}
