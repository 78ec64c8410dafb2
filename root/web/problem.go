package web

import (
	"fmt"
	"math"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
)

// A ProblemView is what the page of a refusal is made from.
type ProblemView struct {
	Page
	Detail     string
	Errors     []api.FieldProblem
	RetryAfter time.Duration // zero: trying again will not help
	Back       *Link         // nil: nowhere
}

// Retry says when to try again; "": that will not help.
func (v ProblemView) Retry() string { return Wait(v.RetryAfter) }

// Wait says how long something takes; "": no time. It rounds up, so that nobody
// comes too early.
func Wait(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d <= 90*time.Second:
		return plural(int(math.Ceil(d.Seconds())), "second")
	case d <= 90*time.Minute:
		return plural(int(math.Ceil(d.Minutes())), "minute")
	}
	return plural(int(math.Ceil(d.Hours())), "hour")
}

func plural(n int, unit string) string {
	if n == 1 {
		return "one " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// Problem makes the page that says why a request was refused.
func Problem(v ProblemView) ([]byte, error) { return render("problem", v) }
