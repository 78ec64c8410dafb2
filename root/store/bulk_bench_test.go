package store_test

import (
	"fmt"
	"testing"

	"github.com/signed-metaserver/metaserver/root/store"
)

// BenchmarkDecideAll approves and rejects the registrations of a queue of
// 10,000, half of them each.
func BenchmarkDecideAll(b *testing.B) {
	const waiting = 10_000
	for b.Loop() {
		b.StopTimer()
		s := benchStore(b, waiting)
		var verdicts []store.Verdict
		for n := 1; n <= waiting; n++ {
			verdicts = append(verdicts, store.Verdict{Registration: fmt.Sprintf("r%d", n), Approve: n%2 == 0, Reason: "an advertisement"})
		}
		b.StartTimer()
		out, err := s.DecideAll(b.Context(), verdicts, "alice")
		if err != nil || out[0].Err != nil {
			b.Fatal(err, out[0].Err)
		}
	}
	b.ReportMetric(waiting*float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}
