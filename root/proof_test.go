package root_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/signedrequest"
)

// A proofWorld is a root that asks a name server and a web server of the test.
type proofWorld struct {
	*world
	dns  *testenv.DNS
	file atomic.Pointer[string] // what every host shows
}

func newProofWorld(t *testing.T) *proofWorld {
	t.Helper()
	p := &proofWorld{dns: testenv.NewDNS(t)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := p.file.Load(); text != nil && r.URL.Path == "/.well-known/metaserver-proof" {
			fmt.Fprintln(w, *text)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(srv.Close)
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	tune := func(r *root.Root) { root.SetProofPorts(r, port, "1") }
	p.world = serveTuned(t, newData(t), tune, func(c *config.Config) { c.Resolver, c.AllowPrivate = p.dns.Addr, true })
	return p
}

func TestProof(t *testing.T) {
	t.Parallel()
	w := newProofWorld(t)
	o := w.owner(1, func(r *api.RegistrationRequest) { r.Address = "cat.test:1" })
	first := o.state().Proof
	if len(first.Token) != 43 || first.Record != "metaserver-proof="+first.Token || len(first.Proven) != 0 ||
		first.Places[0] != (api.ProofPlace{Host: "cat.test", TXT: "_metaserver.cat.test", URL: "http://cat.test/.well-known/metaserver-proof"}) {
		t.Fatalf("%+v", first)
	}
	got := decode[api.ProofChecked](t, w.do(o.status+"/check", struct{}{}), 200)
	if len(got.Missing) != 3 || len(got.Proof.Proven) != 0 {
		t.Errorf("nothing shows the token, and the root found %+v", got)
	}
	w.dns.Text("_metaserver.cat.test", first.Record)
	w.dns.Host("cat.test", "127.0.0.1")
	w.file.Store(&first.Record)
	got = decode[api.ProofChecked](t, w.do(o.status+"/check", struct{}{}), 200)
	if len(got.Missing) != 1 || got.Missing[0].Kind != "port" || len(got.Proof.Proven) != 2 || got.Proof.Proven[0].Kind != "dns" || got.Proof.Proven[1].Kind != "http" || got.Proof.Proven[0].Subject != "cat.test" {
		t.Errorf("%+v", got)
	}
	reg, err := w.client().Registration(t.Context(), o.id)
	if err != nil || reg.Proof == nil || len(reg.Proof.Proven) != 2 {
		t.Errorf("the admin sees %+v, %v", reg, err)
	}

	// Another address makes it void, and the old token proves nothing.
	decode[api.Request](t, w.do(o.status+"/edit", o.edited(func(e *api.Edit) { e.Addresses = []string{"cat.test:2"} })), 202)
	second := o.state().Proof
	if second.Token == first.Token || len(second.Proven) != 0 {
		t.Errorf("after the move: %+v", second)
	}
	if got, err := w.client().Prove(t.Context(), o.id); err != nil || len(got.Missing) != 3 || len(got.Proof.Proven) != 0 {
		t.Errorf("the admin's check: %+v, %v", got, err)
	}
	w.dns.Text("_metaserver.cat.test", first.Record, second.Record)
	if got, err := w.client().Prove(t.Context(), o.id); err != nil || len(got.Missing) != 2 || got.Proof.Proven[0].Kind != "dns" {
		t.Errorf("the admin's check: %+v, %v", got, err)
	}
}

func TestProofByKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	signer, public := testKey(t, 1)
	o := w.owner(1, func(r *api.RegistrationRequest) { r.Key = public })
	token := o.state().Proof.Token
	sign := func(seed byte, subject, token string) api.KeyProof {
		t.Helper()
		s, _ := testKey(t, seed)
		note, err := signedrequest.New(origin, subject, signedrequest.Prove, []byte(token), time.Now()).Sign(s)
		if err != nil {
			t.Fatal(err)
		}
		return api.KeyProof{Request: string(note)}
	}
	w.do(o.status+"/prove", sign(2, o.id, token)).problem(t, 403)
	w.do(o.status+"/prove", sign(1, "r9", token)).problem(t, 422)
	w.do(o.status+"/prove", sign(1, o.id, strings.Repeat("A", 43))).problem(t, 422)
	w.do(o.status+"/prove", api.KeyProof{Request: signedEdit(t, signer, o.id, api.Edit{}, time.Now()).Request}).problem(t, 422)
	if s := o.state(); len(s.Proof.Proven) != 0 {
		t.Errorf("%+v", s.Proof)
	}
	got := decode[api.ProofChecked](t, w.do(o.status+"/prove", sign(1, o.id, token)), 200)
	if len(got.Proof.Proven) != 1 || got.Proof.Proven[0].Kind != "key" || got.Proof.Proven[0].Subject != public {
		t.Errorf("%+v", got)
	}
	_, other := testKey(t, 2)
	decode[api.Request](t, w.do(o.status+"/edit", o.edited(func(e *api.Edit) { e.Key = other })), 202)
	if s := o.state(); len(s.Proof.Proven) != 0 {
		t.Errorf("another key, and the proof of the old one holds: %+v", s.Proof)
	}
}

// TestProofIsLimited asks for more looks than a source may.
func TestProofIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, frozen, func(c *config.Config) { c.LimitLoopback, c.Resolver = true, testenv.NewDNS(t).Addr })
	o := w.owner(1, func(r *api.RegistrationRequest) { r.Address = "cat.test:1"; r.Email = "a@example.org" })
	refused := 0
	for range root.ProofBurst + 1 {
		if a := w.do(o.status+"/check", struct{}{}); a.status == 429 {
			a.problem(t, 429)
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("%d of %d looks were refused", refused, root.ProofBurst+1)
	}
}
