package push_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/push"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A published is a root as the pusher sees it.
type published struct {
	*serverlisttest.Root
	mu   sync.Mutex
	news chan struct{}
}

func newPublished() *published {
	p := &published{Root: serverlisttest.NewRoot(serverlisttest.Options{}), news: make(chan struct{})}
	p.publish("cat")
	return p
}

// publish publishes both lists.
func (p *published) publish(ids ...string) {
	p.Publish(serverlisttest.Mirrors("http://" + ids[0] + ".example/"))
	p.Publish(serverlisttest.Servers(ids...))
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.news)
	p.news = make(chan struct{})
}

func (p *published) News() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.news
}

func (p *published) Documents() (docs []*issue.Document) {
	for name, file := range p.Folder() {
		d := &issue.Document{Name: name, Bytes: file.Data, ETag: fmt.Sprintf("%x", file.Data)}
		switch name {
		case "server.list":
			d.Type = serverlist.TypeServerList
		case "mirror.list":
			d.Type = serverlist.TypeMirrorList
		default:
			d.Type = keys.TypeTrust
			fmt.Sscanf(name, "trust/%d.trust", &d.Version)
		}
		docs = append(docs, d)
	}
	slices.SortFunc(docs, func(a, b *issue.Document) int { return strings.Compare(a.Name, b.Name) })
	return docs
}

// holds fails the test unless a folder has what is published, byte by byte.
func (p *published) holds(t *testing.T, dir string) {
	t.Helper()
	for name, file := range p.Folder() {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != string(file.Data) {
			t.Errorf("%s is not what is published (%v)", name, err)
		}
	}
}

// start runs a pusher in a bubble of its own time, until the function ends.
func start(t *testing.T, cfg push.Config, test func(p *push.Pusher)) {
	p := push.New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	synctest.Wait()
	test(p)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

func TestFollows(t *testing.T) {
	t.Parallel()
	dirs := []string{filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")}
	synctest.Test(t, func(t *testing.T) {
		w := newPublished()
		var targets []push.Target
		for _, dir := range dirs {
			targets = append(targets, push.Target{Target: publish.Folder{Path: dir}})
		}
		start(t, push.Config{Targets: targets, Published: w}, func(p *push.Pusher) {
			for _, dir := range dirs {
				w.holds(t, dir)
			}
			w.publish("dog", "cat")
			time.Sleep(2 * time.Second)
			synctest.Wait()
			for i, dir := range dirs {
				w.holds(t, dir)
				if s := p.States()[i]; !s.Current || s.Failures != 0 || s.Servers == 0 || s.Trust != 1 || s.Err != nil {
					t.Errorf("state %+v", s)
				}
			}
			// A file that is lost is put back, without news.
			if err := os.Remove(filepath.Join(dirs[0], "server.list")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(6*time.Hour + time.Second)
			synctest.Wait()
			w.holds(t, dirs[0])
		})
	})
}

// One target fails, the other does not wait for it; when the cause is gone, it
// catches up by itself.
func TestFailsAndRecovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good"), filepath.Join(dir, "bad")
	if err := os.WriteFile(bad, []byte("in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newPublished()
		targets := []push.Target{{Target: publish.Folder{Path: bad}}, {Target: publish.Folder{Path: good}}}
		start(t, push.Config{Targets: targets, Published: w}, func(p *push.Pusher) {
			w.publish("dog")
			time.Sleep(time.Hour)
			synctest.Wait()
			w.holds(t, good)
			states := p.States()
			if s := states[0]; s.Current || s.Err == nil || s.Failures < 5 || s.Failures > 12 || !s.Done.IsZero() || !strings.Contains(s.Err.Error(), "not a folder") {
				t.Errorf("the bad one: %+v", s)
			}
			if s := states[1]; !s.Current || s.Failures != 0 {
				t.Errorf("the good one: %+v", s)
			}
			if err := os.Remove(bad); err != nil {
				t.Fatal(err)
			}
			time.Sleep(15 * time.Minute)
			synctest.Wait()
			w.holds(t, bad)
			if s := p.States()[0]; !s.Current || s.Failures != 0 || s.Err != nil {
				t.Errorf("recovered: %+v", s)
			}
		})
	})
}

// News reach a target that takes them and fails afterwards, however long its
// pauses have become.
func TestNewsDespiteFailures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newPublished()
		bad := failsAfterwards{publish.Folder{Path: dir}}
		start(t, push.Config{Targets: []push.Target{{Target: bad}}, Published: w}, func(p *push.Pusher) {
			time.Sleep(2 * time.Hour)
			synctest.Wait()
			before := p.States()[0].Failures
			if before < 5 {
				t.Fatalf("it failed %d times", before)
			}
			w.publish("cat")
			time.Sleep(11 * time.Second)
			synctest.Wait()
			w.holds(t, dir)
			if after := p.States()[0].Failures; after > before+2 {
				t.Errorf("it was visited %d times", after-before)
			}
		})
	})
}

// failsAfterwards takes what it is given, and then says that it failed.
type failsAfterwards struct{ publish.Target }

func (f failsAfterwards) Open(ctx context.Context) (publish.Session, error) {
	s, err := f.Target.Open(ctx)
	return failsToClose{s}, err
}

type failsToClose struct{ publish.Session }

func (f failsToClose) Close() error {
	return errors.Join(f.Session.Close(), errors.New("the line was cut"))
}

// A new root has published nothing at first: that is no failure of a target.
func TestBeforeTheFirstLists(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &published{Root: serverlisttest.NewRoot(serverlisttest.Options{}), news: make(chan struct{})}
		start(t, push.Config{Targets: []push.Target{{Target: publish.Folder{Path: dir}}}, Published: w}, func(p *push.Pusher) {
			if s := p.States()[0]; s.Failures != 0 || !s.Visited.IsZero() {
				t.Errorf("before: %+v", s)
			}
			w.publish("dog")
			synctest.Wait()
			w.holds(t, dir)
			if s := p.States()[0]; s.Failures != 0 || !s.Current {
				t.Errorf("after: %+v", s)
			}
		})
	})
}

// What somebody else has signed under one number is not replaced.
func TestConflict(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newPublished()
		d := serverlisttest.Servers("impostor")
		d.Version = w.Open(serverlist.TypeServerList, w.Folder()["server.list"].Data).Head.Version
		forged := w.Sign(d)
		if err := os.WriteFile(filepath.Join(dir, "server.list"), forged, 0o600); err != nil {
			t.Fatal(err)
		}
		start(t, push.Config{Targets: []push.Target{{Target: publish.Folder{Path: dir}}}, Published: w}, func(p *push.Pusher) {
			var e *publish.EquivocationError
			if s := p.States()[0]; !errors.As(s.Err, &e) || s.Current {
				t.Errorf("%+v", s)
			}
			if data, err := os.ReadFile(filepath.Join(dir, "server.list")); err != nil || string(data) != string(forged) {
				t.Errorf("the evidence is gone: %v", err)
			}
		})
	})
}

// A host that holds the right files may still serve others: what the world
// gets is checked whole, trust documents included.
func TestPublicURL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(w *published, site *serverlisttest.Site)
		want  string // in the error; "": none
	}{
		"right": {func(*published, *serverlisttest.Site) {}, ""},
		"a changed body": {func(_ *published, site *serverlisttest.Site) {
			site.SetFault(serverlisttest.BodyByte)
		}, "server.list"},
		"no trust document": {func(_ *published, site *serverlisttest.Site) {
			site.Put("trust/1.trust", nil)
		}, "trust/1.trust: HTTP 404"},
		"another trust document": {func(_ *published, site *serverlisttest.Site) {
			site.Put("trust/1.trust", serverlisttest.NewRoot(serverlisttest.Options{Seed: "other"}).Folder()["trust/1.trust"].Data)
		}, "trust/1.trust: it is not the document that was published"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPublished()
			site := w.Site(serverlisttest.Honest)
			server := site.Start(t)
			c.spoil(w, site)
			s := firstVisit(t, w, push.Target{Target: publish.Folder{Path: t.TempDir()}, PublicURL: server.URL + "/"})
			if c.want == "" && (s.Err != nil || !s.Current) {
				t.Errorf("%+v", s)
			}
			if c.want != "" && (s.Err == nil || !strings.Contains(s.Err.Error(), c.want) || s.Current) {
				t.Errorf("%+v, want %q", s, c.want)
			}
		})
	}
}

// firstVisit runs a pusher until it has visited its target once.
func firstVisit(t *testing.T, w *published, target push.Target) push.State {
	t.Helper()
	p := push.New(push.Config{Targets: []push.Target{target}, Published: w})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	for p.States()[0].Visited.IsZero() && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	<-ended
	return p.States()[0]
}

// Two commands without a name are two targets all the same.
func TestNamesDiffer(t *testing.T) {
	t.Parallel()
	same := push.Target{Target: publish.Folder{Path: "x"}}
	states := push.New(push.Config{Targets: []push.Target{same, same}, Published: newPublished()}).States()
	if states[0].Target != "folder x" || states[1].Target != "folder x (2)" {
		t.Errorf("%q and %q", states[0].Target, states[1].Target)
	}
}
