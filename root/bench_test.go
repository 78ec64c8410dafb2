package root

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/issue"
)

// BenchmarkServe measures documents over loopback connections that are kept
// open. "bare" is the yardstick: http.ServeContent alone, without routes,
// headers and deadlines.
func BenchmarkServe(b *testing.B) {
	for _, size := range []int{1 << 10, 3 << 20} {
		d := &issue.Document{
			Name:   issue.ServerListName,
			Issued: time.Unix(1_800_000_000, 0),
			ETag:   `"0123456789abcdef"`,
			Bytes:  bytes.Repeat([]byte("x"), size),
		}
		bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("ETag", d.ETag)
			http.ServeContent(w, r, "", d.Issued, bytes.NewReader(d.Bytes))
		})
		s := &server{log: slog.New(slog.DiscardHandler)}
		r := s.newRouter()
		r.Get("/server.list", func(w http.ResponseWriter, r *http.Request) { serveDocument(w, r, d, listCache) })

		name := fmt.Sprintf("%dKiB", size>>10)
		b.Run(name+"/root", func(b *testing.B) { benchmarkGet(b, r, "", http.StatusOK, size) })
		b.Run(name+"/bare", func(b *testing.B) { benchmarkGet(b, bare, "", http.StatusOK, size) })
		if size < 1<<20 {
			b.Run("304/root", func(b *testing.B) { benchmarkGet(b, r, d.ETag, http.StatusNotModified, 0) })
			b.Run("304/bare", func(b *testing.B) { benchmarkGet(b, bare, d.ETag, http.StatusNotModified, 0) })
		}
	}
}

func benchmarkGet(b *testing.B, h http.Handler, etag string, status, size int) {
	srv := httptest.NewServer(h)
	defer srv.Close()
	b.ReportAllocs()
	b.SetBytes(int64(size))
	b.RunParallel(func(pb *testing.PB) {
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		buffer := make([]byte, 256<<10)
		for pb.Next() {
			req, _ := http.NewRequest(http.MethodGet, srv.URL+"/server.list", nil)
			if etag != "" {
				req.Header.Set("If-None-Match", etag)
			}
			resp, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			n, err := io.CopyBuffer(onlyWriter{}, resp.Body, buffer)
			resp.Body.Close()
			if err != nil || resp.StatusCode != status || n != int64(size) {
				b.Errorf("status %d, %d bytes, %v", resp.StatusCode, n, err)
				return
			}
		}
	})
}

type onlyWriter struct{}

func (onlyWriter) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkDecode measures the way of a registration to the store; the
// yardstick is encoding/json alone.
func BenchmarkDecode(b *testing.B) {
	body := []byte(`{"name":"Cat 2","address":"cat2.example.net:13327","game":"crossfire","email":"admin@example.org","description":"A server for cats"}`)
	b.Run("root", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			req := goodRequest()
			if fields, err := decodeObject(body, &req); err != nil || len(fields) > 0 {
				b.Fatal(err, fields)
			}
			req.Addresses = nil
			if _, problems := checkRequest(&req, false); len(problems) > 0 {
				b.Fatal(problems)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			req := goodRequest()
			if err := json.Unmarshal(body, &req); err != nil {
				b.Fatal(err)
			}
		}
	})
}
