package watch_test

import (
	"fmt"
	"testing"

	"github.com/signed-metaserver/metaserver/root/watch"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// BenchmarkRound looks at 200 mirrors on loopback: "heads" when nothing is new,
// "new edition" when every one of them has to be fetched whole.
func BenchmarkRound(b *testing.B) {
	for name, publish := range map[string]bool{"heads": false, "new edition": true} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, func(c *watch.Config) {})
			for i := range 200 {
				w.mirror(fmt.Sprintf("m-%d", i), serverlisttest.Honest)
			}
			w.round()
			for b.Loop() {
				if publish {
					b.StopTimer()
					w.publish()
					b.StartTimer()
				}
				w.round()
			}
			b.ReportMetric(200*float64(b.N)/b.Elapsed().Seconds(), "mirrors/s")
		})
	}
}
