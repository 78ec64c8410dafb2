package root_test

import (
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
)

// TestKilledAfterOwnersRequest kills the process, without warning, as soon as it
// has answered an owner, and looks whether what it answered was true.
func TestKilledAfterOwnersRequest(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	var status, offer string
	var asked api.Request
	var taken api.Accepted
	for _, act := range []func(*world){
		func(w *world) { status = w.owner(1).status },
		func(w *world) {
			edit := (&ownerWorld{w, "r1", status}).edited(func(e *api.Edit) { e.Description = "Before" })
			decode[api.Request](t, w.do(status+"/edit", edit), 202)
		},
		func(w *world) { w.approve("r1") },
		func(w *world) {
			edit := (&ownerWorld{w, "r1", status}).edited(func(e *api.Edit) { e.Addresses = []string{"moved.example.net:1"} })
			asked = decode[api.Request](t, w.do(status+"/edit", edit), 202)
		},
		func(w *world) { w.approve(asked.ID) },
		func(w *world) {
			offer = decode[api.Offered](t, w.do(status+"/transfer", api.Offer{Email: "new@example.org"}), 200).URL
		},
		func(w *world) {
			taken = decode[api.Accepted](t, w.do(offer, api.TakeOver{Email: "new@example.org"}), 202)
		},
		func(w *world) { w.do(offer, api.TakeOver{Email: "new@example.org"}).problem(t, 404) },
		func(w *world) { asked = decode[api.Request](t, w.do(status+"/withdraw", struct{}{}), 202) },
	} {
		child := startChild(t, dir)
		act(child)
		child.stop() // kills
	}
	w := serveData(t, dir)
	w.untilAddress("server-1", "moved.example.net:1")
	o := &ownerWorld{w, "r1", status}
	if s := o.state(); s.Open == nil || s.Open.ID != asked.ID || s.Open.Kind != "withdrawal" || s.Server.Description != "Before" {
		t.Errorf("the owner sees %+v", s)
	}
	if s := decode[api.Status](t, w.get(taken.StatusURL), 200); s.Status != "pending" || s.Kind != "transfer" {
		t.Errorf("the next owner sees %+v", s)
	}
	w.approve(asked.ID)
	w.untilListed()
}
