package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

// BenchmarkApprove approves one after the other, and many at once as a bulk
// approval does. Each is in the audit log when it returns.
func BenchmarkApprove(b *testing.B) {
	for _, at := range []int{1, 64} {
		b.Run(fmt.Sprintf("at_once=%d", at), func(b *testing.B) {
			s := benchStore(b, b.N)
			var next atomic.Int64
			b.SetParallelism(at)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					id := fmt.Sprintf("r%d", next.Add(1))
					if _, err := s.Approve(b.Context(), store.Approval{Registration: id, Admin: "alice"}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkAudit appends records and nothing else: what a request costs that is
// denied.
func BenchmarkAudit(b *testing.B) {
	s := benchStore(b, 0)
	e := audit.Event{Action: "wrong-token", Outcome: audit.Denied, Subject: "approve", Source: "192.0.2.0/24"}
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.Audit(context.Background(), e); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
