package root_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/backup"
	"github.com/signed-metaserver/metaserver/root/config"
)

// benchEntries is the size of the database of the benchmarks.
const benchEntries = 100_000

// BenchmarkImport takes 100,000 entries into a new root and lists them.
func BenchmarkImport(b *testing.B) {
	lines := manyLines(benchEntries)
	b.SetBytes(int64(len(lines)))
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b)
		b.StartTimer()
		if r := w.take(lines, api.ImportHow{Approve: true}); r.Listed != benchEntries {
			b.Fatalf("%+v", r)
		}
		b.StopTimer()
		w.stop()
		os.RemoveAll(w.dir)
		b.StartTimer()
	}
	b.ReportMetric(float64(benchEntries*b.N)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkExport hands 100,000 entries out, and takes them again, which
// changes nothing.
func BenchmarkExport(b *testing.B) {
	w := newWorld(b)
	w.take(manyLines(benchEntries), api.ImportHow{Approve: true})
	b.Run("export", func(b *testing.B) {
		for b.Loop() {
			in, err := w.client().Export(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			n, err := io.Copy(io.Discard, in)
			if err != nil {
				b.Fatal(err)
			}
			in.Close()
			b.SetBytes(n)
		}
	})
	lines := string(w.export())
	b.Run("import-again", func(b *testing.B) {
		for b.Loop() {
			if r := w.take(lines, api.ImportHow{Approve: true}); r.Same != benchEntries {
				b.Fatalf("%+v", r)
			}
		}
	})
}

// BenchmarkBackup backs up a root with 100,000 entries while registrations
// come, and measures how long the slowest of those took.
func BenchmarkBackup(b *testing.B) {
	w := newWorld(b, func(c *config.Config) { c.Queue = 10_000_000 })
	w.take(manyLines(benchEntries), api.ImportHow{Approve: true})
	var slowest, registered atomic.Int64
	var busy sync.WaitGroup
	end := make(chan struct{})
	for worker := range 2 {
		busy.Go(func() {
			for n := 1_000_000 * (worker + 1); ; n++ {
				select {
				case <-end:
					return
				default:
				}
				began := time.Now()
				w.register(n)
				registered.Add(1)
				slowest.Store(max(slowest.Load(), int64(time.Since(began))))
			}
		})
	}
	dir := b.TempDir()
	size := int64(0)
	for n := 0; b.Loop(); n++ {
		file := filepath.Join(dir, fmt.Sprintf("%d", n))
		r, err := backup.Make(b.Context(), backup.MakeConfig{Data: w.dir, File: file})
		if err != nil {
			b.Fatal(err)
		}
		size = r.Size
	}
	b.StopTimer()
	close(end)
	busy.Wait()
	b.ReportMetric(float64(registered.Load())/b.Elapsed().Seconds(), "registrations/s")
	b.ReportMetric(float64(slowest.Load())/1e6, "slowest-ms")
	b.ReportMetric(float64(size)/(1<<20), "MiB")
}
