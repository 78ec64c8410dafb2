package root_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

// BenchmarkFlood measures what a player waits for a list of 3 MB and for a 304
// while registrations come as fast as 64 connections can send them, each from
// another network: nothing else; all of them stored; and with the proof of work
// that a flood is asked for and does not bring. One operation is one list and
// one 304. The sender, the player and the root share the machine.
func BenchmarkFlood(b *testing.B) {
	for _, kind := range []string{"idle", "stored", "refused"} {
		b.Run(kind, func(b *testing.B) { benchmarkFlood(b, kind) })
	}
}

func benchmarkFlood(b *testing.B, kind string) {
	dir := listedData(b, 10_000)
	setBehindProxy(b, dir)
	if kind == "refused" {
		changeConfig(b, dir, `proof_of_work = "off"`, `proof_of_work = "flood"`)
		changeConfig(b, dir, "queue = 1000000", "queue = 2000")
	}
	w := startChild(b, dir)
	waitForList(w)
	var stop atomic.Bool
	var floods atomic.Int64
	ended := make(chan struct{})
	f := newFlood(b, w, 64)
	if f.refused = kind == "refused"; f.refused {
		fillHalf(b, dir)
	}
	go func() {
		defer close(ended)
		for kind != "idle" && !stop.Load() {
			f.send(640)
			floods.Add(640)
		}
	}()
	list, same := newRawClient(b, w.public, "/server.list", http.StatusOK), newRawClient(b, w.public, "/server.list", http.StatusNotModified)
	var lists, sames []time.Duration
	start := time.Now()
	for b.Loop() {
		lists, sames = append(lists, list.timed(b)), append(sames, same.timed(b))
	}
	took := time.Since(start)
	stop.Store(true)
	<-ended
	b.ReportMetric(0, "ns/op")
	for name, all := range map[string][]time.Duration{"list": lists, "304": sames} {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2].Seconds()*1e3, name+"-p50-ms")
		b.ReportMetric(all[len(all)*99/100].Seconds()*1e3, name+"-p99-ms")
	}
	b.ReportMetric(float64(floods.Load())/took.Seconds(), "regs/s")
	b.ReportMetric(peakMemory(b, w.pid)/(1<<20), "peak-MB")
	b.ReportMetric(databaseSize(b, dir)/(1<<20), "disk-MB")
}

// timed sends one request and returns how long its answer took.
func (c *rawClient) timed(b *testing.B) time.Duration {
	start := time.Now()
	if err := c.do(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// waitForList waits until the root has signed what it found in its database.
func waitForList(w *world) {
	for len(w.get("/server.list").body) < 1<<20 {
		time.Sleep(50 * time.Millisecond)
	}
}

// peakMemory is the most that a process has had in memory, in bytes.
func peakMemory(t testing.TB, pid int) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("only Linux tells how much memory a process has had: ", err)
	}
	_, text, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	fmt.Sscan(text, &kib)
	return kib * 1024
}

// databaseSize is that of the database with the files beside it, in bytes.
func databaseSize(t testing.TB, dir string) (size float64) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "root.db*"))
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += float64(info.Size())
	}
	return size
}

// fillHalf puts so many registrations into a queue of 2,000 that it is a flood.
func fillHalf(b *testing.B, dir string) {
	st, err := store.OpenSQLite(b.Context(), store.Config{Path: filepath.Join(dir, "root.db"), MustExist: true})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	each(b, 64, 1000, func(i int) error {
		_, err := st.Register(b.Context(), store.Request{Server: benchEntry(1_000_000 + i), Email: "a@example.org"}, store.Limits{Queue: -1})
		return err
	})
}
