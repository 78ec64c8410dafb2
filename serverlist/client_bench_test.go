package serverlist_test

import (
	"crypto/sha256"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// BenchmarkRefresh is a refresh on loopback with a list of about 3 MB, beside a
// plain GET of the same bytes: with nothing new, and with a new edition. Of the
// first it tells how long each question took; they are asked beside each other.
func BenchmarkRefresh(b *testing.B) {
	root := newRoot()
	now := time.Now().Truncate(time.Second)
	root.Clock.Set(now)
	draft := serverlist.Draft{Body: manyServers(b, 11_000), FreshUntil: now.AddDate(1, 0, 0)}
	doc := root.Publish(draft)
	mirror := root.Site(serverlisttest.Honest).Start(b)
	root.Publish(serverlisttest.Mirrors(mirror.URL))
	cfg := serverlist.Config{Trust: root.Pinned(), Root: []string{root.Site(serverlisttest.Honest).Start(b).URL}}
	newClient := func(b *testing.B, cache serverlist.Cache) *serverlist.Client {
		cfg := cfg
		cfg.Cache = cache
		c, err := serverlist.New(cfg)
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	refresh := func(b *testing.B, c *serverlist.Client) serverlist.Result {
		r, err := c.Refresh(b.Context())
		if err != nil || r.Source != serverlist.SourceLive {
			b.Fatal(r.Source, err)
		}
		return r
	}
	b.Run("plain-get", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(doc)))
		for b.Loop() {
			get(b, mirror.URL+"/server.list")
		}
	})
	b.Run("nothing-new", func(b *testing.B) {
		c := newClient(b, serverlist.DirCache(b.TempDir()))
		refresh(b, c)
		b.ReportAllocs()
		asked := make(map[string]time.Duration)
		for b.Loop() {
			for _, a := range refresh(b, c).Attempts {
				asked[question(a, mirror.URL)] += a.Took
			}
		}
		for what, took := range asked {
			b.ReportMetric(took.Seconds()*1000/float64(b.N), what+"-ms")
		}
	})
	for name, cache := range map[string]func(b *testing.B) serverlist.Cache{
		"new-edition":        func(*testing.B) serverlist.Cache { return nil },
		"new-edition-cached": func(b *testing.B) serverlist.Cache { return serverlist.DirCache(b.TempDir()) },
	} {
		b.Run(name, func(b *testing.B) {
			c := newClient(b, cache(b))
			b.ReportAllocs()
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				b.StopTimer()
				root.Publish(draft)
				b.StartTimer()
				refresh(b, c)
			}
		})
	}
}

// question names what an attempt of a refresh was for. The list itself is asked
// for at the mirror, and compared with the root's.
func question(a serverlist.Attempt, mirror string) string {
	switch {
	case strings.HasPrefix(a.Document, "trust/"):
		return "trust"
	case a.Document == serverlist.NameMirrorList:
		return "mirrors"
	case strings.HasPrefix(a.URL, mirror):
		return "list"
	case strings.HasPrefix(a.URL, "http"):
		return "freeze"
	default:
		return "held"
	}
}

func get(tb testing.TB, url string) {
	tb.Helper()
	resp, err := http.Get(url)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkFirstList is how long a player who has nothing yet waits for a list,
// when three of four mirrors are dead in one way and the root refuses
// connections. The client asks them in random order; "worst-s" is the longest it
// took. The yardstick is a client that asks one after the other, and gives each
// 30 s; its dead mirrors come first, of a random order it would wait half as
// long on average. Run the client with -benchtime 20x, the yardstick with 1x.
func BenchmarkFirstList(b *testing.B) {
	for name, dead := range map[string]serverlisttest.Fault{
		"refused": "", "silent": serverlisttest.Silent, "slow": serverlisttest.Crawling, "html": serverlisttest.HTML,
	} {
		root := serverlisttest.NewRoot(serverlisttest.Options{Now: time.Now()})
		root.Publish(serverlist.Draft{Body: manyServers(b, 11_000)})
		var urls []string
		for range 3 {
			s := root.Site(dead).Start(b)
			if name == "refused" {
				s.Close()
			}
			urls = append(urls, s.URL+"/")
		}
		urls = append(urls, root.Site(serverlisttest.Honest).Start(b).URL+"/")
		root.Publish(serverlisttest.Mirrors(urls...))
		b.Run(name+"/client", func(b *testing.B) { benchFirstList(b, root) })
		b.Run(name+"/one-after-the-other", func(b *testing.B) {
			for b.Loop() {
				if oneAfterTheOther(b, urls, root.Want(serverlist.TypeServerList), root.Chain()) == nil {
					b.Fatal("no list")
				}
			}
		})
	}
}

func benchFirstList(b *testing.B, root *serverlisttest.Root) {
	static := root.Folder()
	delete(static, "server.list")
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	var worst time.Duration
	for b.Loop() {
		begin := time.Now()
		c, err := serverlist.New(serverlist.Config{Trust: root.Pinned(), Root: []string{gone.URL}, Static: static})
		if err != nil {
			b.Fatal(err)
		}
		if r, err := c.Refresh(b.Context()); err != nil || r.Source != serverlist.SourceLive {
			b.Fatal(err)
		}
		worst = max(worst, time.Since(begin))
	}
	b.ReportMetric(worst.Seconds(), "worst-s")
}

// oneAfterTheOther is the client that programs have when nobody thought of dead
// mirrors. It verifies what it gets.
func oneAfterTheOther(b *testing.B, urls []string, want serverlist.Want, chain *keys.Chain) *serverlist.List {
	client := &http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	for _, url := range urls {
		resp, err := client.Get(url + "server.list")
		if err != nil {
			b.Log(err)
			continue
		}
		data, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			b.Log(err)
			continue
		}
		if l, err := serverlist.Open(data, want, chain); err == nil {
			return l
		}
	}
	return nil
}

// BenchmarkHeldList is the first list of a program from its cache, and from what
// it shipped with, beside reading the same file and its SHA-256.
func BenchmarkHeldList(b *testing.B) {
	root := serverlisttest.NewRoot(serverlisttest.Options{Now: time.Now()})
	doc := root.Publish(serverlist.Draft{Body: manyServers(b, 11_000)})
	root.Publish(serverlisttest.Mirrors())
	cache, static := b.TempDir(), b.TempDir()
	if err := os.CopyFS(static, root.Folder()); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"server.list", "mirror.list"} {
		if err := serverlist.DirCache(cache).Store(name, root.Folder()[name].Data, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("read-and-sha256", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			data, err := os.ReadFile(filepath.Join(static, "server.list"))
			if err != nil || len(data) != len(doc) {
				b.Fatal(err)
			}
			sha256.Sum256(data)
		}
	})
	for name, cfg := range map[string]serverlist.Config{
		"cache":  {Trust: root.Pinned(), Cache: serverlist.DirCache(cache)},
		"static": {Trust: root.Pinned(), Static: os.DirFS(static)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c, err := serverlist.New(cfg)
				if err != nil {
					b.Fatal(err)
				}
				if r, err := c.Cached(); err != nil || len(r.List.Servers) != 11_000 {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMemory is the memory of a refresh that brings a list of about 3 MB,
// in times the size of the document: "peak" is by how much the objects in memory
// grow at most, "kept" by how much they have grown in the end. "open" is the
// verified list alone, "first" a refresh of a client that has nothing, "next" one
// of a client that holds the edition before, which is in memory before and
// after. The server is in the same process; "get" is what it costs, with a body
// that is thrown away. The garbage collector runs each time the heap has grown by
// a fiftieth, so that garbage hardly counts.
func BenchmarkMemory(b *testing.B) {
	root := serverlisttest.NewRoot(serverlisttest.Options{Now: time.Now()})
	draft := serverlist.Draft{Body: manyServers(b, 11_000)}
	doc := root.Publish(draft)
	mirror := root.Site(serverlisttest.Honest).Start(b)
	root.Publish(serverlisttest.Mirrors(mirror.URL))
	cfg := serverlist.Config{Trust: root.Pinned(), Root: []string{mirror.URL}, Static: withoutServers(root.Folder())}
	newClient := func(b *testing.B) *serverlist.Client {
		cfg := cfg
		cfg.Cache = serverlist.DirCache(b.TempDir())
		c, err := serverlist.New(cfg)
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	refresh := func(b *testing.B, c *serverlist.Client) {
		if r, err := c.Refresh(b.Context()); err != nil || r.Source != serverlist.SourceLive {
			b.Fatal(r.Source, err)
		}
	}
	b.Run("get", func(b *testing.B) {
		benchMemory(b, len(doc), nil, func() any { drain(b, mirror.URL+"/server.list"); return nil })
	})
	b.Run("open", func(b *testing.B) {
		benchMemory(b, len(doc), nil, func() any {
			l, err := serverlist.Open(doc, root.Want(serverlist.TypeServerList), root.Chain())
			if err != nil {
				b.Fatal(err)
			}
			return l
		})
	})
	b.Run("first", func(b *testing.B) {
		benchMemory(b, len(doc), nil, func() any { c := newClient(b); refresh(b, c); return c })
	})
	b.Run("next", func(b *testing.B) {
		c := newClient(b)
		refresh(b, c)
		benchMemory(b, len(doc), func() { root.Publish(draft) }, func() any { refresh(b, c); return c })
	})
}

func withoutServers(folder fstest.MapFS) fs.FS {
	delete(folder, "server.list")
	return folder
}

// benchMemory measures do, whose result is kept until it has been measured.
func benchMemory(b *testing.B, size int, before func(), do func() any) {
	defer debug.SetGCPercent(debug.SetGCPercent(2))
	peak, kept := math.Inf(1), 0.0 // the smallest peak: a collector that lags behind only adds
	for b.Loop() {
		if before != nil {
			before()
		}
		base := settledHeap()
		stop := watchHeap()
		result := do()
		peak = min(peak, float64(stop()-base)/float64(size))
		kept = float64(settledHeap()-base) / float64(size)
		runtime.KeepAlive(result)
	}
	b.ReportMetric(peak, "peak")
	b.ReportMetric(kept, "kept")
}

// settledHeap is the size of all objects that are in use.
func settledHeap() int64 {
	http.DefaultClient.CloseIdleConnections()
	runtime.GC()
	runtime.GC() // what finalizers let go of
	return heapObjects()
}

func heapObjects() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// watchHeap looks at the heap until stop is called, which returns the largest
// size seen.
func watchHeap() (stop func() int64) {
	done, peak := make(chan struct{}), make(chan int64)
	go func() {
		most := heapObjects()
		for {
			select {
			case <-done:
				peak <- max(most, heapObjects())
				return
			default:
				most = max(most, heapObjects())
				time.Sleep(100 * time.Microsecond)
			}
		}
	}()
	return func() int64 { close(done); return <-peak }
}

func drain(tb testing.TB, url string) {
	tb.Helper()
	resp, err := http.Get(url)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		tb.Fatal(err)
	}
}
