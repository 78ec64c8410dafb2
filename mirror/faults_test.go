package mirror

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// rootFaults are the ways in which a root can fail a mirror that has the
// edition of t0; the root's next edition would be that of t0+1.
var rootFaults = map[string]struct {
	break_ func(w *world, next publish.Documents)
	want   string // in the error; "": none
	note   string // in the notes
}{
	"goes back": {func(w *world, _ publish.Documents) {
		w.host.serve(w.Documents(t0-100, "gone"))
	}, "", "server.list: the root serves edition 1792999900, older than 1793000000"},
	"changes a byte of the body": {func(w *world, next publish.Documents) {
		w.host.Put("server.list", flip(next.Servers.Bytes(), -10))
	}, "server.list: ", ""},
	"changes a byte of the head": {func(w *world, next publish.Documents) {
		w.host.Put("server.list", flip(next.Servers.Bytes(), 40))
	}, "server.list: ", ""},
	"changes a byte of the mirror list": {func(w *world, next publish.Documents) {
		w.host.Put("mirror.list", flip(next.Mirrors.Bytes(), -10))
		w.host.Put("server.list", flip(next.Servers.Bytes(), -10))
	}, "mirror.list: ", ""},
	"serves HTML":     {func(w *world, _ publish.Documents) { w.host.SetFault(serverlisttest.HTML) }, "captive portal", ""},
	"is a login page": {func(w *world, _ publish.Documents) { w.host.SetFault(serverlisttest.Portal) }, "captive portal", ""},
	"serves half of it": {func(w *world, next publish.Documents) {
		w.host.Put("server.list", next.Servers.Bytes()[:len(next.Servers.Bytes())/2])
	}, "server.list: ", ""},
	"serves all but the last byte": {func(w *world, next publish.Documents) {
		w.host.Put("server.list", bytes.TrimSuffix(next.Servers.Bytes(), []byte("\n")))
	}, "a cut transfer", ""},
	"breaks off": {func(w *world, next publish.Documents) {
		w.host.serve(next)
		w.host.SetFault(serverlisttest.Torn)
	}, "broke off", ""},
	"does not end": {func(w *world, next publish.Documents) {
		w.host.serve(next)
		w.host.SetFault(serverlisttest.Endless)
	}, "trailing-bytes", ""},
	"is of another origin": {func(w *world, _ publish.Documents) {
		w.host.serve(publishtest.NewRoot(serverlisttest.Options{Origin: "other.example.org"}).Documents(t0+1, "alpha"))
	}, "server.list: ", ""},
	"has other keys": {func(w *world, _ publish.Documents) {
		w.host.serve(publishtest.NewRoot(serverlisttest.Options{Seed: "other"}).Documents(t0+1, "alpha"))
	}, "threshold", ""},
	"swaps the lists": {func(w *world, next publish.Documents) {
		w.host.Put("server.list", next.Mirrors.Bytes())
		w.host.Put("mirror.list", next.Servers.Bytes())
	}, "wrong-type", ""},
	"is empty": {func(w *world, _ publish.Documents) {
		w.host.Put("server.list", []byte{})
		w.host.Put("mirror.list", []byte{})
	}, "server.list: ", ""},
	"has nothing": {func(w *world, _ publish.Documents) {
		w.host.Put("server.list", nil)
		w.host.Put("mirror.list", nil)
	}, "404", ""},
	"is out of order": {func(w *world, _ publish.Documents) { w.host.SetFault(serverlisttest.Unavailable) }, "HTTP 503", ""},
	"vanishes":        {func(w *world, _ publish.Documents) { w.host.stop() }, "connection refused", ""},
	"forges a trust document": {func(w *world, _ publish.Documents) {
		other := publishtest.NewRoot(serverlisttest.Options{Seed: "other"})
		w.host.Put("trust/2.trust", other.Rotate(true).Newest().Bytes())
		w.host.Put("server.list", other.Servers(t0+1, "evil").Bytes())
	}, "trust/2.trust", ""},
	"signs two editions of one number": {func(w *world, _ publish.Documents) {
		w.host.serve(w.Documents(t0, "other"))
	}, "two roots sign", ""},
	"is two days ahead": {func(w *world, _ publish.Documents) {
		w.host.serve(w.Documents(t0+2*86400, "alpha"))
	}, "ahead of this machine's clock", ""},
	"rotates keys before it has signed again": {func(w *world, _ publish.Documents) {
		w.host.Put("trust/2.trust", w.Rotate(false).Newest().Bytes())
	}, "server.list: ", ""},
}

// TestOnceWithABadRoot: whatever the root does, the target keeps the complete
// set that it has, untouched.
func TestOnceWithABadRoot(t *testing.T) {
	t.Parallel()
	for name, fault := range rootFaults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			docs := w.Documents(t0, "alpha", "beta")
			// No other mirror to go to.
			docs.Mirrors = w.Mirrors(t0, "http://127.0.0.1:1/")
			w.host.serve(docs)
			w.mustOnce()
			before := stamps(t, w.folder)

			fault.break_(w, publish.Documents{Trust: w.Chain(), Mirrors: w.Mirrors(t0+1, "http://127.0.0.1:1/"), Servers: w.Servers(t0+1, "gamma")})
			report, err := w.once()
			if fault.want == "" && err != nil || fault.want != "" && (err == nil || !strings.Contains(err.Error(), fault.want)) {
				t.Errorf("got error %v, want %q", err, fault.want)
			}
			if report.OK != (err == nil) {
				t.Errorf("error %v, and OK is %v", err, report.OK)
			}
			if notes := strings.Join(report.Root.Notes, "\n"); !strings.Contains(notes, fault.note) || fault.note == "" && notes != "" {
				t.Errorf("got notes %q, want %q", notes, fault.note)
			}
			wantFolder(t, w.folder, docs)
			if after := stamps(t, w.folder); after != before {
				t.Error("files were written")
			}
		})
	}
}

// TestOnceFromNothing: with a bad root and an empty folder nothing appears.
func TestOnceFromNothing(t *testing.T) {
	t.Parallel()
	for name, fault := range rootFaults {
		if fault.want == "" || name == "signs two editions of one number" {
			continue // there is nothing to compare with
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.host.serve(w.Documents(t0-1, "alpha"))
			fault.break_(w, publish.Documents{Trust: w.Chain(), Mirrors: w.Mirrors(t0 + 1), Servers: w.Servers(t0+1, "gamma")})
			if _, err := w.once(); err == nil {
				t.Error("no error")
			}
			if _, err := os.Stat(w.folder); err == nil {
				t.Errorf("the folder was filled: %s", stamps(t, w.folder))
			}
		})
	}
}

// TestOnceAsksOtherMirrors: when the root fails, the newest edition that
// verifies is taken from the mirrors of the list that is published.
func TestOnceAsksOtherMirrors(t *testing.T) {
	t.Parallel()
	for name, fault := range rootFaults {
		if fault.want == "" || name == "rotates keys before it has signed again" {
			continue // the root is used; the others have no list that holds
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			behind, ahead, tampered, dead := newHost(t), newHost(t), newHost(t), newHost(t)
			dead.stop()
			mirrors := []string{behind.url, ahead.url, tampered.url, dead.url}
			docs := publish.Documents{Trust: w.Chain(), Mirrors: w.Mirrors(t0, mirrors...), Servers: w.Servers(t0, "alpha")}
			w.host.serve(docs)
			w.mustOnce()

			next := publish.Documents{Trust: w.Chain(), Mirrors: w.Mirrors(t0+1, mirrors...), Servers: w.Servers(t0+1, "gamma")}
			behind.serve(publish.Documents{Trust: w.Chain(), Mirrors: w.Mirrors(t0-1, mirrors...), Servers: w.Servers(t0-1, "gone")})
			ahead.serve(next)
			tampered.serve(publish.Documents{Trust: w.Chain(), Mirrors: w.Mirrors(t0+9, mirrors...), Servers: w.Servers(t0+9, "evil")})
			tampered.Put("server.list", flip(w.Servers(t0+9, "evil").Bytes(), -5))
			tampered.Put("mirror.list", flip(w.Mirrors(t0+9).Bytes(), 30))
			fault.break_(w, publish.Documents{Trust: w.Chain(), Mirrors: w.Mirrors(t0+1, mirrors...), Servers: w.Servers(t0+1, "delta")})

			report, err := w.once()
			if err == nil || !strings.Contains(err.Error(), fault.want) {
				t.Errorf("got error %v; the root's fault must be told", err)
			}
			if len(report.Mirrors) != 4 || !report.Targets[0].OK {
				t.Errorf("asked %+v, target %+v", report.Mirrors, report.Targets)
			}
			wantServers(t, w, t0+1, "gamma")
		})
	}
}

// wantServers checks what the folder holds by its content.
func wantServers(t *testing.T, w *world, version int64, id string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(w.folder, "server.list"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := serverlist.Open(data, serverlist.Want{Origin: "ms.example.org", Type: serverlist.TypeServerList}, w.Chain())
	if err != nil {
		t.Fatal(err)
	}
	if list.Head.Version != version || len(list.Servers) != 1 || list.Servers[0].ID != id {
		t.Errorf("the folder holds version %d with %v, want %d with %s", list.Head.Version, list.Servers, version, id)
	}
}

// TestOnceDoesNotAskItselfOrTheRoot as if they were other mirrors.
func TestOnceDoesNotAskItselfOrTheRoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	self, other := newHost(t), newHost(t)
	var entries []serverlist.Mirror
	for id, urls := range map[string][]string{
		"other": {other.url, other.url + "server.list"}, // one operator is asked once
		"root":  {w.host.url + "elsewhere/"},
		"self":  {self.url},
	} {
		entries = append(entries, serverlist.Mirror{ID: id, Operator: id, URLs: urls, Root: id == "root"})
	}
	body, err := serverlist.EncodeMirrors(entries)
	if err != nil {
		t.Fatal(err)
	}
	docs := w.Documents(t0, "alpha")
	docs.Mirrors = w.List(t0, serverlist.Draft{Type: serverlist.TypeMirrorList, Body: body})
	for _, h := range []*host{w.host, self, other} {
		h.serve(docs)
	}
	w.cfg.Targets[0].PublicURL = self.url
	w.mustOnce()
	w.host.SetFault(serverlisttest.Unavailable)
	report, _ := w.once()
	if len(report.Mirrors) != 1 || !strings.HasPrefix(report.Mirrors[0].URL, other.url) || !strings.Contains(report.Mirrors[0].Answer, "the edition that is held") {
		t.Errorf("asked %+v", report.Mirrors)
	}
}
