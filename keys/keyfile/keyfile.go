// Package keyfile keeps ed25519 private keys on disk, in the format of
// OpenSSH: ssh-keygen reads them, and they may come from it.
package keyfile

import "github.com/signed-metaserver/metaserver/keys"

// Create makes a new private key, writes it to path (which must not exist,
// mode 0600) and its public half to path+".pub", and returns its signer. name
// is the key's name; it becomes the comment in both files. An empty passphrase
// leaves the file unencrypted. Both files are durable when it returns.
func Create(path, name string, passphrase []byte) (*keys.Signer, error) { panic("comes next") }

// Load reads a private key. The passphrase is asked for only if the file is
// encrypted; nil if there is nobody to ask.
func Load(path, name string, passphrase func() ([]byte, error)) (*keys.Signer, error) {
	panic("comes next")
}

// LoadPublic reads a public key in the one-line form of OpenSSH. The comment
// is the key's name.
func LoadPublic(path string) (keys.VerifierKey, error) { panic("comes next") }
