package requirements_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/signedrequest"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A requester can prove control: a token answered on the game port, or in DNS TXT,
// or the server's own ed25519 key, which the list then carries as the server's
// identity.
func TestRequirement09_RequesterProvesControl(t *testing.T) {
	t.Parallel()
	dns := testenv.NewDNS(t)
	r := newRoot(t, func(c *config.Config) { c.Resolver = dns.Addr })
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	req := request("1")
	req.Key = base64.StdEncoding.EncodeToString(public)
	sent := r.register(req)
	status := func() api.Status {
		t.Helper()
		s, err := r.Public.Status(t.Context(), sent.StatusURL)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	wantProven(t, r, sent.ID)

	// A token in DNS, looked for by the root.
	p := status().Proof
	dns.Text(p.Places[0].TXT, p.Record)
	if _, err := r.Public.CheckProof(t.Context(), sent.StatusURL); err != nil {
		t.Fatal(err)
	}
	wantProven(t, r, sent.ID, "dns")

	// The server's own key. Another key proves nothing.
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := prove(t, r, sent, other, p.Token); err == nil {
		t.Error("another key proved control")
	}
	if err := prove(t, r, sent, private, p.Token); err != nil {
		t.Error(err)
	}
	wantProven(t, r, sent.ID, "dns", "key")

	// Approved, the list carries the key: whoever holds its private half is the
	// server, and may speak for the entry.
	entry := r.approve(sent.ID)
	list := r.until(r.client(), func(list []serverlist.Server) bool { return len(list) == 1 })
	listed, err := base64.StdEncoding.DecodeString(list[0].Key)
	if err != nil || !ed25519.Verify(listed, []byte("nonce"), ed25519.Sign(private, []byte("nonce"))) {
		t.Errorf("the list has the key %q of %s, %v", list[0].Key, entry, err)
	}
}

// wantProven checks what the admin is shown.
func wantProven(t *testing.T, r *rootNode, id string, want ...string) {
	t.Helper()
	review, err := r.Admin.Registration(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, p := range review.Proof.Proven {
		kinds = append(kinds, p.Kind)
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("the admin sees %q as proven, want %q", kinds, want)
	}
}

// prove signs the token with a key and sends that.
func prove(t *testing.T, r *rootNode, sent api.Accepted, private ed25519.PrivateKey, token string) error {
	t.Helper()
	signer, err := keys.NewSigner("server", private)
	if err != nil {
		t.Fatal(err)
	}
	note, err := signedrequest.New(origin, sent.ID, signedrequest.Prove, []byte(token), time.Now()).Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Public.ProveKey(t.Context(), sent.StatusURL, api.KeyProof{Request: string(note)})
	return err
}
