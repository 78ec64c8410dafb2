package root_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
)

// TestConflictIsTold: who asks for what is listed already reads so, and with what
// it is in conflict; the owner of the entry does not, who asks again, and nobody
// reads what others have asked for.
func TestConflictIsTold(t *testing.T) {
	t.Parallel()
	w, server, _ := newTellingWorld(t)
	c := w.client()
	if _, err := c.Approve(t.Context(), w.register(1).ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddMirror(t.Context(), api.NewMirror{Mirror: api.Mirror{
		ID: "wien", Operator: "TU Wien", URLs: []string{"http://ms.example.at/"},
	}, Unchecked: true}); err != nil {
		t.Fatal(err)
	}
	w.register(2)

	from := func(n int, email, description string) string {
		t.Helper()
		r := request(n)
		r.Email, r.Description = email, description
		return decode[api.Accepted](t, w.post(r), http.StatusAccepted).ID
	}
	mirror := decode[api.Accepted](t, w.postMirror(mirrorRequest(func(r *api.MirrorRequest) { r.ID = "graz" })), http.StatusAccepted)
	for _, c := range []struct{ to, id, conflict string }{
		{"stranger@example.org", from(1, "stranger@example.org", "mine"), "same name as entry server-1"},
		{"other@example.org", from(2, "other@example.org", "mine"), ""}, // that one waits
		{"admin1@example.org", from(1, "admin1@example.org", "a better one"), ""},
		{"wien@example.org", mirror.ID, "same url as mirror wien"},
	} {
		subject := "request " + c.id + " has arrived"
		until(t, subject, func() bool { return len(lettersWith(server, c.to, subject)) > 0 })
		letter := strings.Join(strings.Fields(lettersWith(server, c.to, subject)[0]), " ")
		if has := strings.Contains(letter, "in conflict with what is listed"); has != (c.conflict != "") || !strings.Contains(letter, c.conflict) {
			t.Errorf("the letter to %s, who should read %q:\n%s", c.to, c.conflict, letter)
		}
	}
}
