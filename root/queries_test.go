package root_test

import (
	"net/http"
	"strings"
	"testing"
)

// A query that is misspelt is refused, and not taken for one that was left out.
func TestQueriesAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.snapshot()
	for query, want := range map[string]string{
		"GET /entries?state=well":               "state",
		"GET /entries?stat=revoked":             "stat",
		"GET /entries?game=a&game=b":            "game",
		"GET /audit?outcome=well&admn=a":        "admn outcome",
		"POST /import?approve=yes":              "approve",
		"POST /import?approve=1&approve=1":      "approve",
		"POST /import?aprove=1":                 "aprove",
		"POST /import?replace=1":                "replace",
		"POST /import?approve=1&skip_wrong=":    "skip_wrong",
		"POST /import?approve=1&replace=x&on=1": "on replace",
	} {
		method, path, _ := strings.Cut(query, " ")
		p := w.ask(method, path, manyLines(1)).problem(t, http.StatusUnprocessableEntity)
		if got := fields(p); got != want {
			t.Errorf("%s: wrong are %q, want %q", query, got, want)
		}
	}
	if after := w.snapshot(); after != before {
		t.Errorf("what was refused changed something: %+v", after)
	}
}
