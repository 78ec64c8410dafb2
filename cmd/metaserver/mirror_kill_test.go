package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// TestMirrorKilled kills "mirror once" while it writes, again and again with
// new editions of some megabytes. Whatever the moment, the folder holds
// complete documents that verify, none older than before; the next run
// finishes the work and tidies up.
func TestMirrorKilled(t *testing.T) {
	t.Parallel()
	w := newKillWorld(t)
	w.nextEdition(false)
	w.finish()
	const wanted, most = 8, 80
	caught := 0
	for round := 0; caught < wanted; round++ {
		if round == most {
			t.Fatalf("only %d of %d runs were killed while they wrote", caught, most)
		}
		before := w.readFolder()
		w.nextEdition(round%3 == 2)
		if w.killWhileWriting(1 + round%3) {
			caught++
		}
		after := w.readFolder()
		if after.mirrors.Compare(before.mirrors) < 0 || after.servers.Compare(before.servers) < 0 ||
			after.trust.Newest().Version < before.trust.Newest().Version {
			t.Fatal("the folder went back")
		}
		if after.servers.Head.Version > after.mirrors.Head.Version {
			t.Fatal("the server list came before the mirror list")
		}
		if round%4 == 3 {
			w.finish()
		}
	}
	w.finish()
}

// A killWorld is a root, whose files a plain web server shows, and a mirror's
// folder and configuration.
type killWorld struct {
	t       *testing.T
	root    *publishtest.Root
	pinned  *keys.Chain
	docs    publish.Documents
	body    []byte
	version int64
	files   atomic.Pointer[map[string][]byte]
	folder  string
	config  string
}

func newKillWorld(t *testing.T) *killWorld {
	dir := t.TempDir()
	w := &killWorld{t: t, root: publishtest.NewRoot(serverlisttest.Options{Now: time.Now().Add(-time.Hour)}), version: time.Now().Add(-time.Hour).Unix(),
		folder: filepath.Join(dir, "www"), config: filepath.Join(dir, "mirror.toml")}
	w.pinned = w.root.Chain()
	host := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		data, ok := (*w.files.Load())[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			rw.WriteHeader(http.StatusNotFound)
		}
		rw.Write(data)
	}))
	t.Cleanup(host.Close)
	var servers []serverlist.Server
	for i := range 8_000 {
		id := fmt.Sprintf("server-%05d", i)
		servers = append(servers, serverlist.Server{ID: id, Name: id, Description: strings.Repeat("words ", 20), Addresses: []string{id + ".example.net:13327"}})
	}
	var err error
	if w.body, err = serverlist.EncodeServers(servers); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		w.config:                      fmt.Sprintf("root = %q\ntrust = \"1.trust\"\n[[target]]\ntype = \"folder\"\npath = \"www\"\n", host.URL),
		filepath.Join(dir, "1.trust"): string(w.pinned.Pinned().Bytes()),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// nextEdition puts new lists online, with a new trust document if asked.
func (w *killWorld) nextEdition(rotate bool) {
	if rotate {
		w.root.Rotate(true)
	}
	w.version++
	w.docs = publish.Documents{Trust: w.root.Chain(), Mirrors: w.root.Mirrors(w.version),
		Servers: w.root.List(w.version, serverlist.Draft{Body: w.body})}
	files := map[string][]byte{publish.MirrorList: w.docs.Mirrors.Bytes(), publish.ServerList: w.docs.Servers.Bytes()}
	for _, d := range w.docs.Trust.Documents() {
		files[publish.TrustName(d.Version)] = d.Bytes()
	}
	w.files.Store(&files)
}

// killWhileWriting kills a run when the nth temporary file is seen. It tells
// whether the run was still at it.
func (w *killWorld) killWhileWriting(nth int) bool {
	w.t.Helper()
	created, stop := testenv.Created(w.t, w.folder, filepath.Join(w.folder, "trust"))
	defer stop()
	cmd := exec.Command("metaserver", "mirror", "once", "--config", w.config)
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for seen := 0; ; {
		select {
		case err := <-ended:
			if err != nil {
				w.t.Fatalf("a run that was not killed ended with %v", err)
			}
			return false
		case path := <-created:
			if strings.HasPrefix(filepath.Base(path), durable.TempPrefix) {
				seen++
			}
		}
		if seen == nth {
			cmd.Process.Kill()
			return <-ended != nil // it may have been faster
		}
	}
}

func (w *killWorld) temporaries() []string {
	var names []string
	for _, dir := range []string{w.folder, filepath.Join(w.folder, "trust")} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), durable.TempPrefix) {
				names = append(names, e.Name())
			}
		}
	}
	return names
}

// published is what a reader of the folder sees.
type published struct {
	trust            *keys.Chain
	mirrors, servers *serverlist.List
}

// readFolder reads the folder as a web server does, and verifies everything.
func (w *killWorld) readFolder() published {
	w.t.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(w.folder, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			w.t.Fatal(err)
		}
		return data
	}
	p := published{trust: w.pinned}
	var err error
	for n := int64(2); err == nil; n++ {
		data := read(publish.TrustName(n))
		if data == nil {
			break
		}
		p.trust, err = p.trust.Extend(data)
	}
	if err == nil {
		p.mirrors, err = serverlist.Open(read(publish.MirrorList), serverlist.Want{Origin: p.trust.Origin(), Type: serverlist.TypeMirrorList}, p.trust)
	}
	if err == nil {
		p.servers, err = serverlist.Open(read(publish.ServerList), serverlist.Want{Origin: p.trust.Origin(), Type: serverlist.TypeServerList}, p.trust)
	}
	if err != nil {
		w.t.Fatalf("the folder holds a document that does not verify: %v", err)
	}
	return p
}

// finish runs the mirror undisturbed and expects the newest set, and nothing
// else.
func (w *killWorld) finish() {
	w.t.Helper()
	out, err := exec.Command("metaserver", "mirror", "once", "--config", w.config).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	p := w.readFolder()
	if !p.servers.Same(w.docs.Servers) || !p.mirrors.Same(w.docs.Mirrors) || p.trust.Newest().Version != w.docs.Trust.Newest().Version {
		w.t.Fatalf("the folder does not hold the newest set after\n%s", out)
	}
	if left := w.temporaries(); len(left) > 0 {
		w.t.Fatalf("left behind: %v", left)
	}
}
