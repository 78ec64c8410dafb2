package serverlist

import (
	"math"
	"testing"
	"time"
)

func TestPauseAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		failures int
		dice     float64
		want     time.Duration
	}{
		{0, 0, 54 * time.Minute}, {0, 0.5, time.Hour},
		{1, 0, 7500 * time.Millisecond}, {1, 1, 15 * time.Second},
		{2, 1, 30 * time.Second}, {8, 1, 32 * time.Minute}, {9, 1, time.Hour}, {1000000, 1, time.Hour},
	} {
		if got := pauseAfter(tt.failures, time.Hour, tt.dice); got != tt.want {
			t.Errorf("after %d failures %v, want %v", tt.failures, got, tt.want)
		}
	}
}

// Whoever wants a single refresh and passes the longest interval there is does not
// get a pause of less than nothing.
func TestPauseOfTheLongestInterval(t *testing.T) {
	t.Parallel()
	for _, failures := range []int{0, 1, 1000} {
		for _, dice := range []float64{0, 0.999999} {
			if got := pauseAfter(failures, math.MaxInt64, dice); got < firstRetry/2 {
				t.Errorf("after %d failures %v", failures, got)
			}
		}
	}
}
