package store_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// BenchmarkFsync is the yardstick of the others: one durable record of 1 KB.
func BenchmarkFsync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	record := bytes.Repeat([]byte("x"), 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Write(record); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

// benchStore returns a store with some registrations waiting.
func benchStore(b *testing.B, waiting int) store.Store {
	b.Helper()
	s, err := store.OpenSQLite(b.Context(), store.Config{Path: filepath.Join(b.TempDir(), "x.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	register(b, s, 0, waiting)
	return s
}

// register registers the servers from..to from many goroutines.
func register(b *testing.B, s store.Store, from, to int) {
	b.Helper()
	var next atomic.Int64
	next.Store(int64(from))
	errs := make(chan error)
	const workers = 64
	for range workers {
		go func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= to {
					errs <- nil
					return
				}
				if _, err := s.Register(context.Background(), benchRequest(i), benchLimits); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	for range workers {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
}

// benchLimits are as in production, but for the number.
var benchLimits = store.Limits{Queue: 1 << 30, PerSource: 10}

func benchRequest(i int) store.Request {
	return store.Request{
		Server: serverlist.Server{
			Name: fmt.Sprintf("Server %d of a rather usual name", i), Game: "crossfire",
			Description: "What a server says of itself, in a sentence or two that a player may want to read before joining.",
			Addresses:   []string{fmt.Sprintf("s%d.example.net:13327", i)},
		},
		Email:  fmt.Sprintf("operator%d@example.net", i),
		Source: netip.AddrFrom4([4]byte{10 + byte(i>>16), byte(i >> 8), byte(i), 1}), // each of a network of its own
	}
}

// BenchmarkRegister measures durable registrations of one caller that waits
// for each.
func BenchmarkRegister(b *testing.B) {
	for _, waiting := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			s := benchStore(b, waiting)
			b.ReportAllocs()
			i := waiting
			for b.Loop() {
				if _, err := s.Register(b.Context(), benchRequest(i), benchLimits); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "regs/s")
		})
	}
}

// BenchmarkRegisterConcurrent measures durable registrations of 64 callers at
// once, which share transactions.
func BenchmarkRegisterConcurrent(b *testing.B) {
	for _, waiting := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			s := benchStore(b, waiting)
			b.ReportAllocs()
			b.ResetTimer()
			register(b, s, waiting, waiting+b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "regs/s")
		})
	}
}

// BenchmarkPending measures the whole queue with its conflicts.
func BenchmarkPending(b *testing.B) {
	s := benchStore(b, 20_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Pending(b.Context(), func(store.Review) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkListed measures reading 10,000 entries.
func BenchmarkListed(b *testing.B) {
	const n = 10_000
	s := benchStore(b, n)
	for i := range n {
		if _, err := s.Approve(b.Context(), store.Approval{Registration: fmt.Sprintf("r%d", i+1)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Listed(b.Context(), func(string, []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
