package keyfile

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"

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
		return nil, fmt.Errorf("connecting to the ssh-agent at %s (SSH_AUTH_SOCK): %w", path, explainDial(err))
	}
	return &Agent{conn, agent.NewClient(conn)}, nil
}

// explainDial says what it may mean that an agent does not answer.
func explainDial(err error) error {
	const start = "; start one with: eval $(ssh-agent); ssh-add KEYFILE"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: it has ended, or the variable is of another login%s", fs.ErrNotExist, start)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: it has ended, or that is no socket%s", syscall.ECONNREFUSED, start)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: it is of another user", fs.ErrPermission)
	}
	return err
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
		return nil, fmt.Errorf("asking the ssh-agent for its keys: %w: does SSH_AUTH_SOCK name an ssh-agent?", err)
	}
	for _, k := range held {
		if bytes.Equal(k.Blob, public.Marshal()) {
			return keys.NewSigner(key.Name(), agentKey{a.client, public, key.Public()})
		}
	}
	if len(held) == 0 {
		return nil, fmt.Errorf("the ssh-agent shows no keys, so not %q: either it is locked (ssh-add -X opens it), or the key was not added or has timed out (ssh-add KEYFILE)", key.Name())
	}
	return nil, fmt.Errorf("the ssh-agent holds %d keys (ssh-add -l shows them), and %q, %s, is not among them; add it with: ssh-add KEYFILE", len(held), key.Name(), Fingerprint(key))
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
		return nil, fmt.Errorf("the ssh-agent did not sign: %w: did somebody say no when it asked (ssh-add -c), or was it locked meanwhile?", err)
	}
	if sig.Format != ssh.KeyAlgoED25519 {
		return nil, fmt.Errorf("the ssh-agent signed as %q, not as %q", sig.Format, ssh.KeyAlgoED25519)
	}
	return sig.Blob, nil
}
