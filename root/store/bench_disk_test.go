package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// BenchmarkDisk measures what a registration takes on disk, of the usual size
// and of the largest one, each sent ten times so that it has all the status
// tokens that are kept. Times the size of the queue it is the most that those who
// wait can take.
func BenchmarkDisk(b *testing.B) {
	for _, kind := range []string{"usual", "largest"} {
		b.Run(kind, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "x.db")
			s, err := store.OpenSQLite(b.Context(), store.Config{Path: path})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			for i := 0; b.Loop(); i++ {
				r := benchRequest(i)
				if kind == "largest" {
					r = largest(r, i)
				}
				for range 10 {
					r.Token = store.NewToken().Hash()
					if _, err := s.Register(b.Context(), r, benchLimits); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(fileSize(b, path)/1024/float64(b.N), "KiB/registration")
			b.ReportMetric(fileSize(b, path+"-wal")/(1<<20), "wal-MiB")
		})
	}
}

func fileSize(b *testing.B, path string) float64 {
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size())
}

// largest fills a request up to the 8 KiB that an entry may have.
func largest(r store.Request, i int) store.Request {
	r.Server.Name = fmt.Sprint(i, strings.Repeat("€", 70))
	r.Server.Description = strings.Repeat("€", 500)
	r.Server.Addresses = nil
	for n := range 16 {
		host := fmt.Sprintf("%s.%s.x%d.s%d.example.net", strings.Repeat("a", 60), strings.Repeat("b", 20), n, i)
		r.Server.Addresses = append(r.Server.Addresses, host+":13327")
		r.Server.Endpoints = append(r.Server.Endpoints, serverlist.Endpoint{Role: "chat", Protocol: "irc", Address: fmt.Sprintf("%s:%d", host, 1+n)})
	}
	for n := range 32 {
		r.Server.Tags = append(r.Server.Tags, fmt.Sprint(n, strings.Repeat("x", 70)))
	}
	return r
}
