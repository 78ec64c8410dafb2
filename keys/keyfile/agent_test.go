package keyfile_test

import (
	"crypto/sha256"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
)

// A real ssh-agent signs a trust document and a list's head, and both verify.
func TestRealAgent(t *testing.T) {
	t.Parallel()
	// Socket paths have room for about a hundred bytes; t.TempDir may not fit.
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "socket")
	serveAgent(t, socket)

	path := filepath.Join(dir, "admin.key")
	created, err := keyfile.Create(path, "ms.example.org/admin/alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	agent, err := keyfile.OpenAgent(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	if _, err := agent.Signer(created.VerifierKey()); err == nil || !strings.Contains(err.Error(), "ssh-add") {
		t.Errorf("a key that the agent does not hold: %v", err)
	}

	add := testenv.Command(t, "ssh-add", "-q", path)
	add.Env = append(add.Environ(), "SSH_AUTH_SOCK="+socket)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v\n%s", err, out)
	}
	signer, err := agent.Signer(created.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	name, key := signer.VerifierKey().Name(), signer.VerifierKey()
	issued := time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	trust := &keys.Trust{
		Origin: "ms.example.org", Version: 1, Epoch: 1, Issued: issued, ReviewBy: issued,
		Keys:  []keys.VerifierKey{key},
		Roles: []keys.Role{{Name: "trust", Threshold: 1, Keys: []string{name}}, {Name: "list", Threshold: 1, Keys: []string{name}}},
	}
	chain, err := keys.NewChain(signed(t, signer, trust.Encode))
	if err != nil {
		t.Fatal(err)
	}
	head := &keys.Head{
		Origin: "ms.example.org", Type: "server-list/1", Version: issued.Unix(), Epoch: 1,
		Issued: issued, FreshUntil: issued, OldAfter: issued, Trust: 1, BodySHA256: sha256.Sum256(nil),
	}
	if _, err := chain.Open(signed(t, signer, head.Encode), keys.Want{Origin: "ms.example.org", Type: "server-list/1"}); err != nil {
		t.Fatal(err)
	}
}

func signed(t *testing.T, signer *keys.Signer, encode func() ([]byte, error)) []byte {
	t.Helper()
	text, err := encode()
	if err != nil {
		t.Fatal(err)
	}
	note, err := keys.Sign(text, signer)
	if err != nil {
		t.Fatal(err)
	}
	return note
}

// serveAgent runs a real ssh-agent until the test ends.
func serveAgent(t *testing.T, socket string) {
	t.Helper()
	cmd := testenv.Command(t, "ssh-agent", "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the ssh-agent does not answer: %v", err)
		}
	}
}

func TestNoAgent(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	if _, err := keyfile.OpenAgent(""); err == nil || !strings.Contains(err.Error(), "SSH_AUTH_SOCK") {
		t.Errorf("no socket: %v", err)
	}
	if _, err := keyfile.OpenAgent(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("an agent that is not there was opened")
	}
}
