package requirements_test

import (
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
)

// The admin sees what is needed to judge: result of a probe, DNS, duplicates and
// conflicts, source of the request, and what these people have asked for before.
// Proof of control is requirement 9.
func TestRequirement08_AdminSeesEnoughToJudge(t *testing.T) {
	t.Parallel()
	dns := testenv.NewDNS(t)
	dns.Host("cat.test", "127.0.0.1")
	dns.Host("other.test", "127.0.0.1")
	at := listen(t, "127.0.0.1:0", "\x00\x1eversion 1023 1030 Crossfire X\n")
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	r := newRoot(t, func(c *config.Config) { c.Resolver, c.AllowPrivate = dns.Addr, true })
	listed := request("1")
	listed.Address = "other.test:" + port
	first := r.register(listed)
	if _, err := r.Admin.Look(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	entry := r.approve(first.ID)
	spam := request("2")
	spam.Email = "cat@example.org"
	if _, err := r.Admin.Reject(t.Context(), r.register(spam).ID, "an advertisement"); err != nil {
		t.Fatal(err)
	}

	req := request("3")
	req.Address, req.Email = "cat.test:"+port, "Cat@example.org"
	shown, err := r.Admin.Look(t.Context(), r.register(req).ID)
	if err != nil || shown.Findings == nil {
		t.Fatalf("%+v, %v", shown, err)
	}
	f := shown.Findings
	if f.Probe.State != "online" || f.Probe.Protocol != "crossfire" || f.Probe.Software != "Crossfire X" {
		t.Errorf("probe %+v", f.Probe)
	}
	if len(f.Hosts) != 1 || fmt.Sprint(f.Hosts[0].Host, f.Hosts[0].Addresses) != "cat.test[127.0.0.1]" {
		t.Errorf("DNS %+v", f.Hosts)
	}
	if shown.Source != "127.0.0.1" || f.Source.Host != "127.0.0.1" {
		t.Errorf("source %q, %+v", shown.Source, f.Source)
	}
	if !slices.ContainsFunc(shown.Conflicts, func(c api.Conflict) bool { return c.Kind == "host" && c.EntryID == entry }) {
		t.Errorf("another name of a listed address: %+v", shown.Conflicts)
	}
	if !slices.ContainsFunc(shown.History, func(p api.Past) bool { return p.Reason == "an advertisement" && slices.Contains(p.Because, "e-mail") }) {
		t.Errorf("history %+v", shown.History)
	}
}
