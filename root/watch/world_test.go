package watch_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/watch"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a root with its database, and mirrors on loopback.
type world struct {
	*serverlisttest.Root
	t       testing.TB
	store   store.Store
	watcher *watch.Watcher
	sites   map[string]*serverlisttest.Site
	servers map[string]*httptest.Server
	log     *lockedBuffer

	every   time.Duration // between two rounds
	edition int

	mu      sync.Mutex
	changed int
	events  []watch.Event
}

// published is what the watcher sees of the root.
type published struct{ w *world }

func (p published) Current(typ string) *issue.Document {
	name := map[string]string{serverlist.TypeServerList: issue.ServerListName, serverlist.TypeMirrorList: issue.MirrorListName}[typ]
	file := p.w.Folder()[name]
	if file == nil {
		return nil
	}
	l := p.w.Open(typ, file.Data)
	return &issue.Document{Name: name, Type: typ, Version: l.Head.Version, Epoch: l.Head.Epoch, Bytes: l.Bytes()}
}

func (p published) Trust() []*keys.Trust { return p.w.Chain().Documents() }

func (p published) Changed() {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.changed++
}

func newWorld(t testing.TB, change ...func(*watch.Config)) *world {
	t.Helper()
	w := &world{
		Root: serverlisttest.NewRoot(serverlisttest.Options{}), t: t, log: new(lockedBuffer),
		sites: make(map[string]*serverlisttest.Site), servers: make(map[string]*httptest.Server),
	}
	var err error
	w.store, err = store.OpenSQLite(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "root.db"), Now: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	cfg := watch.Config{
		Store: w.store, Published: published{w}, RootEntry: true, Now: w.Clock.Now,
		Tell:   w.tell,
		Tuning: serverlist.Tuning{Connect: time.Minute, Head: time.Minute, Stall: time.Minute}, // no mirror is slow for the machine's sake
		Log:    slog.New(slog.NewTextHandler(w.log, nil)),
	}
	for _, c := range change {
		c(&cfg)
	}
	if w.every = cfg.Policy.Every; w.every == 0 {
		w.every = 30 * time.Minute
	}
	if w.watcher, err = watch.New(cfg); err != nil {
		t.Fatal(err)
	}
	w.publish()
	return w
}

func (w *world) tell(e watch.Event) []store.Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	return []store.Message{{Key: fmt.Sprintf("%s/%s/%d", e.Kind, e.Mirror.Mirror.ID, e.At.Unix()), Recipient: "a@example.org", Subject: string(e.Kind), Body: e.Detail}}
}

// publish makes a new edition of both lists, and stores it as a root does.
func (w *world) publish() {
	w.t.Helper()
	w.edition++
	id := fmt.Sprintf("server-%d", w.edition)
	for _, d := range []serverlist.Draft{serverlisttest.Mirrors("http://" + id + ".example/"), serverlisttest.Servers(id)} {
		l := w.Open(d.Type, w.Publish(d))
		newest, err := w.store.Editions(w.t.Context(), d.Type, 1)
		if err != nil {
			w.t.Fatal(err)
		}
		previous := int64(0)
		if len(newest) > 0 {
			previous = newest[0].Version
		}
		err = w.store.PublishEdition(w.t.Context(), previous, store.Edition{
			Type: d.Type, Version: l.Head.Version, Epoch: l.Head.Epoch, Issued: l.Head.Issued, Head: l.Text(), Document: l.Bytes(),
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// mirror starts a mirror and puts it into the list.
func (w *world) mirror(id string, f serverlisttest.Fault) *serverlisttest.Site {
	w.t.Helper()
	site := w.Site(f)
	server := site.Start(w.t)
	w.sites[id], w.servers[id] = site, server
	w.add(id, server.URL+"/")
	return site
}

func (w *world) add(id string, urls ...string) {
	w.t.Helper()
	m := serverlist.Mirror{ID: id, Operator: id, URLs: urls}
	if _, err := w.store.AddMirror(w.t.Context(), m, id+"@example.org", "alice"); err != nil {
		w.t.Fatal(err)
	}
}

// healthy starts mirrors without fault, so that one that is ill is an exception.
func (w *world) healthy(n int) {
	w.t.Helper()
	for i := range n {
		w.mirror(fmt.Sprintf("healthy-%d", i), serverlisttest.Honest)
	}
}

func (w *world) round() {
	w.t.Helper()
	if _, err := w.watcher.Round(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// rounds looks again and again, for so long. The root publishes meanwhile.
func (w *world) rounds(d time.Duration) {
	w.t.Helper()
	for passed := time.Duration(0); passed < d; passed += w.every {
		w.Clock.Advance(w.every)
		if passed%(6*time.Hour) == 0 {
			w.publish()
		}
		w.round()
	}
}

func (w *world) watched(id string) store.WatchedMirror {
	w.t.Helper()
	all, err := w.store.WatchedMirrors(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range all {
		if m.Mirror.ID == id {
			return m
		}
	}
	w.t.Fatalf("there is no mirror %s", id)
	return store.WatchedMirror{}
}

func (w *world) isListed(id string) bool { return w.watched(id).Watch.LeftOut.IsZero() }

// kinds returns the events about a mirror so far.
func (w *world) kinds(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var kinds string
	for _, e := range w.events {
		if e.Mirror.Mirror.ID == id {
			kinds += string(e.Kind) + " "
		}
	}
	return kinds
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
