package keyfile

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/signed-metaserver/metaserver/keys"
)

// An Agent is a connection to an ssh-agent, which holds private keys and signs
// with them without giving them out. It is not safe for concurrent use.
type Agent struct {
	conn   net.Conn
	client agent.ExtendedAgent
}

// OpenAgent connects to the agent whose socket is at path; "" means the one
// that SSH_AUTH_SOCK names. The caller closes it.
func OpenAgent(path string) (*Agent, error) {
	if path == "" {
		path = os.Getenv("SSH_AUTH_SOCK")
	}
	if path == "" {
		return nil, errors.New("no ssh-agent: SSH_AUTH_SOCK is not set; start one with: eval $(ssh-agent); ssh-add KEYFILE")
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, fmt.Errorf("connecting to the ssh-agent: %w", err)
	}
	return &Agent{conn, agent.NewClient(conn)}, nil
}

// Close ends the connection.
func (a *Agent) Close() error { return a.conn.Close() }

// Signer returns a signer for a key that the agent holds. The agent may ask its
// user for each signature. Agents sign texts of up to about 256 KiB, far more
// than any head has.
func (a *Agent) Signer(key keys.VerifierKey) (*keys.Signer, error) {
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	held, err := a.client.List()
	if err != nil {
		return nil, fmt.Errorf("asking the ssh-agent for its keys: %w", err)
	}
	for _, k := range held {
		if bytes.Equal(k.Blob, public.Marshal()) {
			return keys.NewSigner(key.Name(), agentKey{a.client, public, key.Public()})
		}
	}
	return nil, fmt.Errorf("the ssh-agent holds %d keys, and %q is not among them; add it with: ssh-add KEYFILE", len(held), key.Name())
}

// An agentKey is a private key inside an agent, as a crypto.Signer.
type agentKey struct {
	agent   agent.Agent
	ssh     ssh.PublicKey
	ed25519 ed25519.PublicKey
}

func (k agentKey) Public() crypto.PublicKey { return k.ed25519 }

// Sign asks the agent for a plain ed25519 signature of message.
func (k agentKey) Sign(_ io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != 0 {
		return nil, errors.New("an agent's ed25519 key signs messages, not hashes")
	}
	sig, err := k.agent.Sign(k.ssh, message)
	if err != nil {
		return nil, fmt.Errorf("the ssh-agent did not sign: %w", err)
	}
	if sig.Format != ssh.KeyAlgoED25519 {
		return nil, fmt.Errorf("the ssh-agent signed as %q, not as %q", sig.Format, ssh.KeyAlgoED25519)
	}
	return sig.Blob, nil
}
