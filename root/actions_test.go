package root

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// openRoutes are the routes of the admin listener that are no action: they show how
// the root is, and nothing of anybody.
var openRoutes = map[string]bool{"/metrics": true, "/healthz": true, "/readyz": true}

// Every route of the admin listener is declared with a name for the audit log:
// one that is not would do what nobody can see afterwards.
func TestEveryActionIsNamed(t *testing.T) {
	t.Parallel()
	r := chi.NewRouter()
	s := &server{log: slog.New(slog.DiscardHandler), stats: newStats(), blocks: newBlockKeeper()}
	a := s.newActions(r)
	s.adminActions(a)
	declared := 0
	names := make(map[string]string)
	err := chi.Walk(s.adminRoutes().(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if openRoutes[route] || !strings.HasPrefix(route, adminPrefix) && method == http.MethodGet {
			return nil
		}
		k, ok := a.known[method+" "+route]
		switch name := string(k.action); {
		case !ok || name == "":
			t.Errorf("%s %s is not declared as an action", method, route)
		case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-") != "":
			t.Errorf("%s %s has the name %q", method, route, name)
		case (k.record == changing) == (method == http.MethodGet):
			t.Errorf("%s %s is recorded as if it were of another method", method, route)
		default:
			names[name] += method
		}
		declared++
		return nil
	})
	if err != nil || declared != len(a.known) || declared < 20 {
		t.Errorf("%d routes, %d declared: %v", declared, len(a.known), err)
	}
	for name, methods := range names {
		if strings.Contains(methods, "GET") && methods != "GET" {
			t.Errorf("%q names several actions: %s", name, methods)
		}
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	denied := func(source string) audit.Event {
		return audit.Event{Action: "wrong-token", Outcome: audit.Denied, Source: source, Subject: "approve"}
	}
	var log []string
	note := func(events []audit.Event) {
		for _, e := range events {
			log = append(log, fmt.Sprintf("%s %s %s*%d %s", e.Time.Format("04:05"), e.Source, e.Action, e.Count, e.Subject))
		}
	}
	want := func(when string, lines ...string) {
		t.Helper()
		if got := strings.Join(log, "\n"); got != strings.Join(lines, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", when, got, strings.Join(lines, "\n"))
		}
		log = nil
	}
	var tally tally
	for range 1000 {
		note(tally.add(denied("a"), now))
	}
	want("one source", "00:00 a wrong-token*1 approve")
	now = now.Add(59 * time.Second)
	note(tally.add(denied("a"), now))
	want("the same minute")
	now = now.Add(time.Second)
	note(tally.add(denied("a"), now))
	want("the next minute", "00:59 a wrong-token*1000 ", "01:00 a wrong-token*1 approve")
	for i := range 100_000 {
		note(tally.add(denied(fmt.Sprint("n", i)), now))
	}
	if len(log) != tallyKinds-1 {
		t.Errorf("%d records of a flood from everywhere", len(log))
	}
	log = nil
	note(tally.add(denied("n1"), now))
	note(tally.take())
	want("the rest", "01:00 n1 wrong-token*1 ", fmt.Sprintf("01:00  many*%d ", 100_000-tallyKinds+1))
	note(tally.take())
	want("nothing more")
	now = now.Add(-time.Hour)
	note(tally.add(denied("a"), now))
	want("a clock that was set back", "01:00 a wrong-token*1 approve")
}

func TestRecently(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	var l recently
	one, other := audit.Event{Admin: "a", Action: "show", Subject: "r1"}, audit.Event{Admin: "a", Action: "show", Subject: "r2"}
	if !l.first(one, now) || l.first(one, now.Add(59*time.Second)) || !l.first(other, now) || !l.first(one, now.Add(time.Minute)) {
		t.Error("not once a minute")
	}
	for i := range 3 * recentMost {
		l.first(audit.Event{Subject: fmt.Sprint(i)}, now.Add(time.Minute))
	}
	if len(l.seen) > recentMost {
		t.Errorf("%d are remembered", len(l.seen))
	}
}
