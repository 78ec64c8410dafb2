package mirror

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// BenchmarkOnce runs a mirror of one folder over loopback HTTP, with a list of
// 15,000 entries and 3 MB. The yardsticks move the same bytes with nothing but
// a checksum: once as cp does, once so that they survive a crash.
func BenchmarkOnce(b *testing.B) {
	w := newWorld(b)
	body := manyServers(b, 15_000)
	older := publish.Documents{Trust: w.Chain(), Mirrors: w.Mirrors(t0), Servers: w.List(t0, serverlist.Draft{Body: body})}
	newer := publish.Documents{Trust: w.Chain(), Mirrors: w.Mirrors(t0 + 1), Servers: w.List(t0+1, serverlist.Draft{Body: body})}
	size := int64(len(newer.Servers.Bytes()))

	b.Run("nothing new", func(b *testing.B) {
		w.host.serve(newer)
		w.mustOnce()
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			w.mustOnce()
		}
	})
	b.Run("new edition", func(b *testing.B) {
		w.host.serve(newer)
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			for name, data := range map[string][]byte{"mirror.list": older.Mirrors.Bytes(), "server.list": older.Servers.Bytes()} {
				if err := os.WriteFile(filepath.Join(w.folder, name), data, 0o644); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
			if report := w.mustOnce(); state(report, "server.list") != publish.Written {
				b.Fatal("nothing was written")
			}
		}
	})
	source := filepath.Join(b.TempDir(), "source")
	if err := os.WriteFile(source, newer.Servers.Bytes(), 0o644); err != nil {
		b.Fatal(err)
	}
	for name, write := range map[string]func(*os.File, []byte) error{
		"yardstick cp and sha256": func(f *os.File, data []byte) error { _, err := f.Write(data); return err },
		"yardstick cp, fsync and sha256": func(f *os.File, data []byte) error {
			if _, err := f.Write(data); err != nil {
				return err
			}
			return f.Sync()
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				data, err := os.ReadFile(source)
				if err != nil {
					b.Fatal(err)
				}
				_ = sha256.Sum256(data)
				f, err := os.Create(source + ".copy")
				if err != nil {
					b.Fatal(err)
				}
				if err := write(f, data); err != nil {
					b.Fatal(err)
				}
				if err := f.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
