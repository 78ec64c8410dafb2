package root_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
)

// BenchmarkHundredThousand measures a root with 100,000 approved entries, a list
// of 30 MB: from its start until it serves that list, from an admin's yes until
// the list with the entry is served, and the most memory that it takes meanwhile.
// The last edition is more than a second old when the admin says yes, since two
// cannot be of the same second.
func BenchmarkHundredThousand(b *testing.B) {
	dir := listedData(b, 100_000)
	first := startChild(b, dir)
	for len(first.get("/server.list").body) < 20<<20 {
		time.Sleep(50 * time.Millisecond)
	}
	first.stop()
	var starts, approvals, peaks, rests []float64
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		w := startChild(b, dir)
		if n := len(w.get("/server.list").body); n < 20<<20 {
			b.Fatalf("a list of %d bytes", n)
		}
		starts = append(starts, time.Since(began).Seconds())
		peaks = append(peaks, peakMemory(b, w.pid))

		for n := range 5 {
			approvals = append(approvals, w.approveTimed(b, 10*i+n))
		}
		rests = append(rests, peakMemory(b, w.pid))
		w.stop()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(starts), "start-s")
	b.ReportMetric(median(approvals), "publish-s")
	b.ReportMetric(median(peaks)/(1<<20), "start-peak-MB")
	b.ReportMetric(median(rests)/(1<<20), "peak-MB")
	b.ReportMetric(databaseSize(b, dir)/(1<<20), "disk-MB")
}

// approveTimed approves a new registration and returns how many seconds it takes
// until the list has the entry.
func (w *world) approveTimed(b *testing.B, n int) float64 {
	b.Helper()
	accepted := w.register(1_000_000 + n)
	before := w.etag()
	time.Sleep(time.Second)
	began := time.Now()
	decided, err := w.client().Approve(b.Context(), accepted.ID, api.Approval{})
	if err != nil {
		b.Fatal(err)
	}
	for w.etag() == before {
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(began).Seconds()
	if list := w.get("/server.list").body; !bytes.Contains(list, fmt.Appendf(nil, "%q", decided.EntryID)) {
		b.Fatal("the new list lacks the entry")
	}
	return took
}

// etag is that of the list that is served.
func (w *world) etag() string {
	return w.send(exchange{"HEAD", w.public + "/server.list", nil, ""}).header.Get("ETag")
}
