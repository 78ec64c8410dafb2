package keyfile

import (
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// LoadLogin reads a private key for logging in to an SSH server. Unlike the
// keys that sign documents it may be of any kind and format that package ssh
// reads: ed25519, ECDSA, RSA; of OpenSSH, PKCS #1, PKCS #8. The passphrase is
// asked for and the file's mode checked as in [Load].
func LoadLogin(path string, passphrase func() ([]byte, error)) (ssh.Signer, error) {
	data, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	signer, err := parseLogin(data, passphrase)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return signer, nil
}

func parseLogin(data []byte, passphrase func() ([]byte, error)) (ssh.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, explainNoPEM(data)
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" {
		return nil, errors.New("its encryption is that of PKCS #8, which is not read here; ssh-keygen -p -f FILE writes it in OpenSSH's format")
	}
	raw, err := ssh.ParseRawPrivateKey(data)
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		raw, err = unlock(data, passphrase)
	}
	if err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(raw)
}

// Signers returns the keys that the agent holds, for logging in to an SSH
// server. They can be used until the agent is closed.
func (a *Agent) Signers() ([]ssh.Signer, error) {
	signers, err := a.client.Signers()
	if err != nil {
		return nil, fmt.Errorf("asking the ssh-agent for its keys: %w", err)
	}
	return signers, nil
}
