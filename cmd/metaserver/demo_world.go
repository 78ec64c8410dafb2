package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/mirror"
	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/setup"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"golang.org/x/sync/errgroup"
)

const demoOrigin = "demo.metaserver.example"

// A demoWorld is a root, two mirrors and a client's folders, all of them real
// and on loopback.
type demoWorld struct {
	dir                 string // temporary; holds everything
	rootURL, adminURL   string
	listen, listenAdmin string
	admin               *api.Client
	mirrors             []*demoMirror
	stop                func() error // ends the running root; nil: none runs
}

func newDemoWorld(ctx context.Context) (*demoWorld, error) {
	dir, err := os.MkdirTemp("", "metaserver-demo-")
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(ctx, 4)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	w := &demoWorld{
		dir: dir, listen: ports[0], listenAdmin: ports[1],
		rootURL: "http://" + ports[0] + "/", adminURL: "http://" + ports[1] + "/",
	}
	for i, name := range []string{"north", "south"} {
		w.mirrors = append(w.mirrors, &demoMirror{
			name: name, dir: filepath.Join(dir, "mirror-"+name),
			listen: ports[2+i], url: "http://" + ports[2+i] + "/",
			rootURL: w.rootURL, trust: w.trustFile(),
		})
	}
	return w, nil
}

// freePorts returns loopback addresses nobody listens at. They stay the same
// while the demo stops and starts what uses them, so they are none of those that
// systems give to whoever asks for any port: these would soon be somebody else's.
func freePorts(ctx context.Context, n int) ([]string, error) {
	var ports []string
	const first, count, tries = 10_000, 20_000, 100
	for try := 1; len(ports) < n; try++ {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.N(count)))
		if err == nil {
			defer l.Close() // all at the end, so that no port comes twice
			ports = append(ports, l.Addr().String())
		} else if try >= tries { // not all of them are somebody else's
			return nil, err
		}
	}
	return ports, nil
}

func (w *demoWorld) dataDir() string        { return filepath.Join(w.dir, "root") }
func (w *demoWorld) publicDir() string      { return filepath.Join(w.dataDir(), "public") }
func (w *demoWorld) staticDir() string      { return filepath.Join(w.dir, "static") }
func (w *demoWorld) mirrorsOnlyDir() string { return filepath.Join(w.dir, "static-mirrors") }
func (w *demoWorld) cacheDir() string       { return filepath.Join(w.dir, "cache") }
func (w *demoWorld) tokenFile() string      { return filepath.Join(w.dataDir(), "admin.token") }
func (w *demoWorld) trustFile() string      { return filepath.Join(w.publicDir(), "trust", "1.trust") }

func (w *demoWorld) makeRoot(ctx context.Context) (setup.Made, error) {
	made, err := setup.Init(ctx, setup.Config{Data: w.dataDir(), Origin: demoOrigin, PublicURL: w.rootURL})
	if err != nil {
		return made, err
	}
	token, err := os.ReadFile(w.tokenFile())
	w.admin = &api.Client{Root: w.adminURL, Token: strings.TrimSpace(string(token))}
	return made, err
}

// serveRoot runs the root in the background until stopRoot.
func (w *demoWorld) serveRoot(ctx context.Context) error {
	ready := make(chan struct{})
	cfg := config.Config{
		Data: w.dataDir(), Listen: w.listen, AdminListen: w.listenAdmin, PublicURL: w.rootURL,
		Ready: func(net.Addr, net.Addr) { close(ready) },
	}
	node, err := root.New(cfg)
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- node.Run(running) }()
	select {
	case err := <-ended:
		cancel()
		return errors.Join(err, node.Close())
	case <-ready:
	}
	w.stop = func() error {
		cancel()
		return errors.Join(<-ended, node.Close())
	}
	return nil
}

func (w *demoWorld) stopRoot() error {
	if w.stop == nil {
		return nil
	}
	stop := w.stop
	w.stop = nil
	return stop()
}

// waitForEntries returns when the published server list has n entries.
func (w *demoWorld) waitForEntries(ctx context.Context, n int) (api.List, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		lists, err := w.admin.Lists(ctx)
		if err != nil {
			return api.List{}, err
		}
		for _, l := range lists {
			if l.Name == "server.list" && l.Entries == n {
				return l, nil
			}
		}
		select {
		case <-ctx.Done():
			return api.List{}, fmt.Errorf("the approved servers are not published: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// keepStatic copies what the root publishes, as a launcher's release would; in
// a second folder the mirror list alone.
func (w *demoWorld) keepStatic() error {
	if err := os.CopyFS(w.staticDir(), os.DirFS(w.publicDir())); err != nil {
		return err
	}
	mirrors, err := os.ReadFile(filepath.Join(w.staticDir(), "mirror.list"))
	if err != nil {
		return err
	}
	if err := os.Mkdir(w.mirrorsOnlyDir(), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.mirrorsOnlyDir(), "mirror.list"), mirrors, 0o644)
}

// refresh runs a new client once, as a launcher that starts, with the folder
// that it shipped with and a cache; "": none.
func (w *demoWorld) refresh(ctx context.Context, static, cache string) (serverlist.Result, error) {
	pinned, err := os.ReadFile(w.trustFile())
	if err != nil {
		return serverlist.Result{}, err
	}
	cfg := serverlist.Config{Trust: pinned, Root: []string{w.rootURL}, Static: os.DirFS(static)}
	if cache != "" {
		cfg.Cache = serverlist.DirCache(cache)
	}
	client, err := serverlist.New(cfg)
	if err != nil {
		return serverlist.Result{}, err
	}
	return client.Refresh(ctx)
}

// runMirrors lets the mirrors look for news until ctx ends.
func (w *demoWorld) runMirrors(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, m := range w.mirrors {
		g.Go(func() error {
			job, err := m.job()
			if err != nil {
				return err
			}
			if err := job.Run(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			return nil
		})
	}
	return g.Wait()
}

func (w *demoWorld) close() error {
	err := w.stopRoot()
	for _, m := range w.mirrors {
		err = errors.Join(err, m.stop())
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

// A demoMirror is a mirror job and the plain file server that shows its folder.
type demoMirror struct {
	name, dir, listen, url string
	rootURL, trust         string
	server                 *http.Server
}

// serve shows the folder as any web host would.
func (m *demoMirror) serve() error {
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return err
	}
	l, err := net.Listen("tcp", m.listen)
	if err != nil {
		return err
	}
	m.server = &http.Server{Handler: http.FileServer(http.Dir(m.dir)), ReadHeaderTimeout: 10 * time.Second}
	go m.server.Serve(l)
	return nil
}

func (m *demoMirror) stop() error {
	if m.server == nil {
		return nil
	}
	server := m.server
	m.server = nil
	return server.Close()
}

func (m *demoMirror) job() (*mirror.Mirror, error) {
	pinned, err := os.ReadFile(m.trust)
	if err != nil {
		return nil, err
	}
	return mirror.New(mirror.Config{
		Root: m.rootURL, Trust: pinned,
		Targets:  []mirror.Target{{Target: publish.Folder{Path: m.dir}, PublicURL: m.url}},
		Schedule: "@every " + mirrorEvery.String(), Jitter: -1,
	})
}

// once carries the documents and returns the report's line.
func (m *demoMirror) once(ctx context.Context) (string, error) {
	job, err := m.job()
	if err != nil {
		return "", err
	}
	report, err := job.Once(ctx)
	if err != nil {
		return "", err
	}
	return report.Targets[0].String(), report.Err()
}

// tamper changes one byte of a server's address in the published list.
func (m *demoMirror) tamper() error {
	path := filepath.Join(m.dir, "server.list")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	i := bytes.Index(data, []byte("cat2.example.net"))
	if i < 0 {
		return errors.New("the mirror does not list cat2")
	}
	data[i] = 'b'
	return os.WriteFile(path, data, 0o644)
}
