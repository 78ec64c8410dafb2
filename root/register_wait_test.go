package root

import (
	"net/netip"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/limit"
)

// One source cannot use up what its network may send; many together can.
func TestWaitFor(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	s := &server{
		cfg:      config.Config{Now: func() time.Time { return now }},
		sources:  limit.NewRate(time.Second, 2),
		networks: limit.NewRate(time.Second, 4),
	}
	wait := func(addr string) time.Duration { return s.waitFor(limit.Source{Addr: netip.MustParseAddr(addr)}) }
	passed := 0
	for range 10 {
		if wait("2001:db8:1:1::1") == 0 {
			passed++
		}
	}
	if passed != 2 || wait("2001:db8:1:2::1") != 0 || wait("2001:db8:1:3::1") != 0 {
		t.Errorf("%d of one source passed, and its neighbours are held up", passed)
	}
	if wait("2001:db8:1:4::1") == 0 {
		t.Error("the network has no limit")
	}
	if wait("2001:db8:2:1::1") != 0 {
		t.Error("another network is held up")
	}
}
