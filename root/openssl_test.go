package root_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/api"
)

// TestOpenSSL verifies a published list without any code of this project: it
// is taken apart as text, and openssl judges the signature and the hash.
func TestOpenSSL(t *testing.T) {
	t.Parallel()
	testenv.Program(t, "openssl")
	w := newWorld(t)
	if _, err := w.client().Approve(t.Context(), w.register(1).ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	w.untilListed("server-1")
	list := string(w.get("/server.list").body)
	text, rest, ok1 := strings.Cut(list, "\n\n")
	signatures, body, ok2 := strings.Cut(rest, "\n\n")
	if !ok1 || !ok2 || !strings.Contains(body, `"Server 1"`) {
		t.Fatalf("not a head, signatures and a body: %q", list)
	}
	name := origin + "/list/1"
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	signature := noteSignature(t, signatures, name)
	head := write("head", []byte(text+"\n"))
	key := write("key.pem", publicPEM(t, string(w.get("/trust/1.trust").body), name))
	verify := func(head string, signature []byte) error {
		return testenv.Command(t, "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", head, "-sigfile", write("sig", signature)).Run()
	}
	if err := verify(head, signature); err != nil {
		t.Errorf("openssl refuses the head's signature: %v", err)
	}
	if verify(write("changed", []byte(strings.Replace(text, "epoch 1", "epoch 2", 1)+"\n")), signature) == nil {
		t.Error("openssl takes a changed head: the check proves nothing")
	}

	out, err := testenv.Command(t, "openssl", "dgst", "-sha256", "-r", write("body", []byte(body))).Output()
	if err != nil {
		t.Fatal(err)
	}
	sum, _, _ := strings.Cut(string(out), " ")
	if want := fmt.Sprintf("body %d sha256 %s", len(body), sum); !strings.Contains(text+"\n", "\n"+want+"\n") {
		t.Errorf("the head does not say %q:\n%s", want, text)
	}
}

// noteSignature finds the signature of a key: base64 of four bytes of key id
// and 64 of ed25519.
func noteSignature(t *testing.T, block, name string) []byte {
	t.Helper()
	for _, line := range strings.Split(block, "\n") {
		if b64, ok := strings.CutPrefix(line, "— "+name+" "); ok {
			raw, err := base64.StdEncoding.DecodeString(b64)
			if err != nil || len(raw) != 4+ed25519.SignatureSize {
				t.Fatalf("%q: %v", line, err)
			}
			return raw[4:]
		}
	}
	t.Fatalf("no signature of %s in %q", name, block)
	return nil
}

// publicPEM finds a key line and turns it into what openssl reads.
func publicPEM(t *testing.T, trust, name string) []byte {
	t.Helper()
	_, rest, ok := strings.Cut(trust, "\nkey "+name+"+")
	line, _, _ := strings.Cut(rest, "\n")
	_, b64, _ := strings.Cut(line, "+")
	raw, err := base64.StdEncoding.DecodeString(b64)
	if !ok || err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != 1 {
		t.Fatalf("no key %s in %q: %v", name, trust, err)
	}
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(raw[1:]))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: "PUBLIC KEY", Bytes: der}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
