package issue_test

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// BenchmarkApproveToPublished measures the time from an admin's yes to the
// served edition, with many entries in the list. It does not count the wait
// for the next second. The yardstick beside it is one SHA-256 of the body.
func BenchmarkApproveToPublished(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		if n > 10_000 && testing.Short() {
			b.Skip("making 100,000 entries takes half a minute")
		}
		w := newWorld(b)
		w.addConcurrently(n)
		p := w.publisher()
		w.publish(p, serverlist.TypeServerList)
		body := p.Current(serverlist.TypeServerList).Bytes
		b.Run(fmt.Sprintf("entries=%d/publish", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				b.StopTimer()
				waitForNextSecond()
				b.StartTimer()
				w.approve()
				w.publish(p, serverlist.TypeServerList)
			}
		})
		b.Run(fmt.Sprintf("entries=%d/sha256", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				sha256.Sum256(body)
			}
		})
	}
}

// BenchmarkRestore measures a start with 10,000 entries.
func BenchmarkRestore(b *testing.B) {
	w := newWorld(b)
	w.addConcurrently(10_000)
	w.publish(w.publisher(), serverlist.TypeServerList)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.publisher().Restore(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDocument measures what a handler does for every request.
func BenchmarkDocument(b *testing.B) {
	w := newWorld(b)
	p := w.publisher()
	w.publish(p, serverlist.TypeServerList)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if p.Document("server.list") == nil {
				b.Error("not served")
			}
		}
	})
}

// addConcurrently adds n entries from many goroutines, which share
// transactions.
func (w *world) addConcurrently(n int) {
	w.t.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if _, err := approveNew(w.t, w.store, fmt.Sprint("b", i)); err != nil {
					w.t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// waitForNextSecond keeps the publisher's own wait out of the measurement.
func waitForNextSecond() {
	now := time.Now()
	time.Sleep(now.Truncate(time.Second).Add(time.Second).Sub(now))
}
