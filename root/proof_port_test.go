package root_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
)

// TestProofAtThePort: what listens where the request says answers with the line,
// and owner and admin see that as proven.
func TestProofAtThePort(t *testing.T) {
	t.Parallel()
	w := newProofWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	address := "Cat.test:" + port
	o := w.owner(1, func(r *api.RegistrationRequest) { r.Address = address })
	w.dns.Host("cat.test", "127.0.0.1")
	p := o.state().Proof
	if len(p.Ports) != 1 || p.Ports[0] != strings.ToLower(address) {
		t.Fatalf("%+v", p)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(conn, p.Record)
			conn.Close()
		}
	}()
	got := decode[api.ProofChecked](t, w.do(o.status+"/check", struct{}{}), 200)
	if len(got.Missing) != 2 || len(got.Proof.Proven) != 1 || got.Proof.Proven[0].Kind != "port" || got.Proof.Proven[0].Subject != p.Ports[0] {
		t.Errorf("%+v", got)
	}
	reg, err := w.client().Registration(t.Context(), o.id)
	if err != nil || reg.Proof == nil || len(reg.Proof.Proven) != 1 {
		t.Errorf("the admin sees %+v, %v", reg, err)
	}
	page := string(w.get(strings.Replace(o.status, "/api/v1/registrations/", "/status/", 1)).body)
	if want := fmt.Sprintf("Shown: %s, by its port.", p.Ports[0]); !strings.Contains(page, want) {
		t.Errorf("the page lacks %q:\n%s", want, page)
	}
}
