package root_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
)

// TestAdminsAreToldOfReports: of the first of an hour, in words of the root.
func TestAdminsAreToldOfReports(t *testing.T) {
	t.Parallel()
	w, server, receiver := newTellingWorld(t)
	if _, err := w.client().Approve(t.Context(), w.register(1).ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, text := range []string{"buy my swords", "it asks for passwords", "and so on"} {
		decode[api.Reported](t, w.do("/api/v1/reports", api.NewReport{EntryID: "server-1", Kind: "impostor", Text: text}), http.StatusAccepted)
	}
	hours := 1 + int(time.Now().Truncate(time.Hour).Sub(began.Truncate(time.Hour))/time.Hour)
	letters := func() (all []string) {
		for _, letter := range received(server, "boss@example.org") {
			if strings.Contains(letter, "Subject: [ms.example.org] players report entry server-1") {
				all = append(all, letter)
			}
		}
		return all
	}
	until(t, "the admin's letter and the program's message", func() bool { return len(letters()) > 0 && len(receiver.event("report.arrived")) > 0 })
	all, err := w.client().Messages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, m := range all {
		if m.Event == "report.arrived" {
			told++
		}
	}
	if told > 2*hours {
		t.Errorf("%d messages within %d hours", told, hours)
	}
	if letter := letters()[0]; !strings.Contains(letter, "(impostor)") || !strings.Contains(letter, "metaserver admin reports") || strings.Contains(letter, "swords") {
		t.Errorf("the letter says\n%s", letter)
	}
	if m := receiver.event("report.arrived")[0]; m.Subject != "players report entry server-1" {
		t.Errorf("%+v", m)
	}
}
