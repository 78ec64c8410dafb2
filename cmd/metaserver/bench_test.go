package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/mirror"
	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/setup"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

const (
	benchMirrors = 200
	benchServers = 4000 // 3 MB
)

// BenchmarkTwoHundredMirrors lets 200 mirrors, each with a folder, run at one
// moment against one root, all in this process: once with nothing new, once
// with a new edition of 3 MB. The yardstick is 200 downloads of the same file
// at one moment, each written, flushed and hashed.
func BenchmarkTwoHundredMirrors(b *testing.B) {
	w := newBenchWorld(b)
	mirrors := make([]*mirror.Mirror, benchMirrors)
	for i := range mirrors {
		folder := publish.Folder{Path: filepath.Join(b.TempDir(), "www")}
		var err error
		mirrors[i], err = mirror.New(mirror.Config{Root: w.public, Trust: w.trust, Targets: []mirror.Target{{Target: folder}}})
		if err != nil {
			b.Fatal(err)
		}
	}
	all := func() {
		var g errgroup.Group
		for _, m := range mirrors {
			g.Go(func() error { _, err := m.Once(b.Context()); return err })
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("new edition", func(b *testing.B) {
		b.SetBytes(benchMirrors * w.size)
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			w.nextEdition(b)
			b.StartTimer()
			all()
		}
	})
	b.Run("nothing new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			all()
		}
	})
	b.Run("yardstick GET, write, flush and sha256", func(b *testing.B) {
		b.SetBytes(benchMirrors * w.size)
		b.ReportAllocs()
		dir := b.TempDir()
		for b.Loop() {
			var g errgroup.Group
			for i := range benchMirrors {
				g.Go(func() error { return download(w.public+publish.ServerList, filepath.Join(dir, fmt.Sprint(i))) })
			}
			if err := g.Wait(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func download(url, path string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	_ = sha256.Sum256(data)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// A benchWorld is a running root with a long list.
type benchWorld struct {
	public  string
	trust   []byte
	user    *api.Client
	admin   *api.Client
	servers int
	size    int64 // bytes of the server list
}

func newBenchWorld(b *testing.B) *benchWorld {
	data := filepath.Join(b.TempDir(), "D")
	made, err := setup.Init(b.Context(), setup.Config{Data: data, Origin: demoOrigin})
	if err != nil {
		b.Fatal(err)
	}
	cfg, err := config.Load(made.Data)
	if err != nil {
		b.Fatal(err)
	}
	ready := make(chan [2]net.Addr, 1)
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Ready = func(public, admin net.Addr) { ready <- [2]net.Addr{public, admin} }
	node, err := root.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, node.Close()); err != nil {
			b.Error(err)
		}
	})
	addrs := <-ready
	token, err := os.ReadFile(filepath.Join(data, "admin.token"))
	if err != nil {
		b.Fatal(err)
	}
	w := &benchWorld{public: "http://" + addrs[0].String() + "/"}
	w.user = &api.Client{Root: w.public}
	w.admin = &api.Client{Root: "http://" + addrs[1].String(), Token: strings.TrimSpace(string(token))}
	if w.trust, err = os.ReadFile(filepath.Join(data, "public", "trust", "1.trust")); err != nil {
		b.Fatal(err)
	}
	for range benchServers {
		w.listServer(b)
	}
	w.nextEdition(b)
	return w
}

func (w *benchWorld) listServer(b *testing.B) {
	w.servers++
	accepted, err := w.user.Register(b.Context(), api.RegistrationRequest{
		Name: fmt.Sprintf("Server %d", w.servers), Address: fmt.Sprintf("play%d.example.net:13327", w.servers),
		Game: "crossfire", Email: "me@example.net", Description: strings.Repeat("All are welcome here. ", 22),
	})
	if err == nil {
		_, err = w.admin.Approve(b.Context(), accepted.ID, api.Approval{})
	}
	if err != nil {
		b.Fatal(err)
	}
}

// nextEdition returns when the root serves a list with one more server.
func (w *benchWorld) nextEdition(b *testing.B) {
	w.listServer(b)
	for {
		lists, err := w.admin.Lists(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, l := range lists {
			if l.Name == publish.ServerList && l.Entries == w.servers {
				w.measure(b)
				return
			}
		}
	}
}

func (w *benchWorld) measure(b *testing.B) {
	resp, err := http.Head(w.public + publish.ServerList)
	if err != nil {
		b.Fatal(err)
	}
	resp.Body.Close()
	w.size = resp.ContentLength
}
