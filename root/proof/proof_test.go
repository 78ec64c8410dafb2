package proof_test

import (
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/proof"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

func registration(addresses ...string) *store.Registration {
	return &store.Registration{ID: "r7", Created: time.Unix(1_793_000_000, 0), Server: serverlist.Server{Addresses: addresses}}
}

func TestToken(t *testing.T) {
	t.Parallel()
	token := proof.Token("ms.example.org", registration("cat.example.net:1", "dog.example.net:2"))
	if len(token) != 43 {
		t.Errorf("token %q", token)
	}
	if proof.Token("ms.example.org", registration("DOG.example.net.:2", "cat.example.net:01", "cat.example.net:1")) != token {
		t.Error("the same addresses in another spelling have another token")
	}
	other := registration("cat.example.net:1", "dog.example.net:2")
	other.ID = "r8"
	later := registration("cat.example.net:1", "dog.example.net:2")
	later.Created = later.Created.Add(time.Second)
	for name, got := range map[string]string{
		"origin":       proof.Token("other.example", registration("cat.example.net:1", "dog.example.net:2")),
		"registration": proof.Token("ms.example.org", other),
		"time":         proof.Token("ms.example.org", later),
		"port":         proof.Token("ms.example.org", registration("cat.example.net:2", "dog.example.net:2")),
		"address":      proof.Token("ms.example.org", registration("cat.example.net:1")),
	} {
		if got == token {
			t.Errorf("another %s has the same token", name)
		}
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	got := proof.Hosts([]string{"Cat.example.net:1", "cat.example.net:2", "[2001:db8::1]:3", "192.0.2.1:4", "a.example:5", "b.example:6"})
	if len(got) != proof.MaxHosts || got[0] != "cat.example.net" || got[1] != "2001:db8::1" || got[2] != "192.0.2.1" {
		t.Errorf("hosts %q", got)
	}
	for host, want := range map[string][2]string{
		"cat.example.net": {"_metaserver.cat.example.net", "http://cat.example.net/.well-known/metaserver-proof"},
		"192.0.2.1":       {"", "http://192.0.2.1/.well-known/metaserver-proof"},
		"2001:db8::1":     {"", "http://[2001:db8::1]/.well-known/metaserver-proof"},
	} {
		if got := [2]string{proof.RecordName(host), proof.FileURL(host)}; got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}
