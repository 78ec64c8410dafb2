package root_test

import (
	"net/http"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
)

func TestReports(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.TrustedProxies = []string{"127.0.0.1"} })
	c := w.client()
	for n := 1; n <= 2; n++ {
		if _, err := c.Approve(t.Context(), w.register(n).ID, api.Approval{}); err != nil {
			t.Fatal(err)
		}
	}
	send := func(body, source string) answer {
		return w.send(exchange{"POST", w.public + "/api/v1/reports", []string{"Content-Type: application/json", "X-Forwarded-For: " + source}, body})
	}
	for _, r := range [][2]string{
		{`{"entry_id":"server-1","kind":"dead"}`, "192.0.2.1"},
		{`{"entry_id":"server-2","kind":"dead"}`, "192.0.2.1"},
		{`{"entry_id":"server-2","kind":"impostor","text":"asks for passwords"}`, "192.0.2.2"},
		{`{"entry_id":"server-2","kind":"impostor","text":"it does"}`, "192.0.2.2"},
	} {
		decode[api.Reported](t, send(r[0], r[1]), http.StatusAccepted)
	}
	for body, member := range map[string]string{
		`{"entry_id":"server-9","kind":"dead"}`:                    "entry_id",
		`{"entry_id":"No Id","kind":"dead"}`:                       "entry_id",
		`{"entry_id":"server-1","kind":"ugly"}`:                    "kind",
		`{"entry_id":"server-1","kind":"dead","text":"\u001b[2J"}`: "text",
	} {
		if p := send(body, "192.0.2.3").problem(t, http.StatusUnprocessableEntity); fields(p) != member {
			t.Errorf("%s: %+v", body, p.Errors)
		}
	}
	all, err := c.Reports(t.Context())
	if err != nil || len(all) != 2 || all[0].EntryID != "server-2" || all[0].Kinds["impostor"] != 1 || all[0].Kinds["dead"] != 1 || len(all[0].Newest) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	reportsOf := func(want int) {
		t.Helper()
		one, err := c.Entry(t.Context(), "server-2")
		if err != nil || one.Reports != want {
			t.Errorf("the entry has %d reports, want %d; %v", one.Reports, want, err)
		}
		entries, err := c.Entries(t.Context(), "", "")
		if err != nil || len(entries) != 2 || entries[0].Reports != 1 || entries[1].Reports != want {
			t.Errorf("%+v, %v", entries, err)
		}
	}
	reportsOf(2)
	if r, err := c.ResolveReports(t.Context(), "server-2", "revoked"); err != nil || r.Reports != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	reportsOf(0)
	w.ask("POST", "/reports/server-2/resolve", `{"note":"again"}`).problem(t, http.StatusNotFound)
	if all, err := c.Reports(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}
