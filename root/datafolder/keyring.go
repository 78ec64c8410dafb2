package datafolder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
)

// A KeyRing is the folder with the private keys of a root. Which of them signs
// is for the trust document to say: a key is found by its public half, in the
// .pub file beside it. New files are found while the root runs.
type KeyRing struct {
	Dir     string
	Ask     func() ([]byte, error) // for the passphrase, once at most; nil: there is nobody to ask
	Running bool                   // nobody is asked any more

	asked  bool
	secret []byte
	err    error
}

// Find returns a signer for the first of these keys whose private half opens.
func (r *KeyRing) Find(able []keys.VerifierKey) (*keys.Signer, error) {
	paths, problems := r.PublicKeys()
	for _, k := range able {
		path, ok := paths[string(k.Public())]
		if !ok {
			problems = append(problems, fmt.Errorf("the private key of %s is not in %s; put it there with its .pub file, for its owner only (chmod 600)", k.Name(), r.Dir))
			continue
		}
		signer, err := r.load(path, k)
		if err == nil {
			return signer, nil
		}
		problems = append(problems, err)
	}
	return nil, errors.Join(problems...)
}

// PublicKeys maps public keys to the paths of their private halves. A file that
// cannot be read is a problem only if its key is the one that is needed.
func (r *KeyRing) PublicKeys() (paths map[string]string, problems []error) {
	paths = make(map[string]string)
	files, err := os.ReadDir(r.Dir)
	if err != nil {
		return paths, []error{fmt.Errorf("reading the folder of keys: %w", err)}
	}
	for _, f := range files {
		name, isPublic := strings.CutSuffix(f.Name(), keyfile.PublicSuffix)
		if !isPublic {
			continue
		}
		public, err := keyfile.LoadPublic(filepath.Join(r.Dir, f.Name()))
		if err != nil {
			problems = append(problems, err)
			continue
		}
		paths[string(public.Public())] = filepath.Join(r.Dir, name)
	}
	return paths, problems
}

// load opens a private key.
func (r *KeyRing) load(path string, key keys.VerifierKey) (*keys.Signer, error) {
	signer, err := keyfile.Load(path, key.Name(), r.passphrase)
	switch {
	case r.Running && (errors.Is(err, keyfile.ErrPassphrase) || errors.Is(err, keyfile.ErrNeedsPassphrase)):
		return nil, fmt.Errorf("%w; a running root opens a key only without a passphrase or with the one that it was started with: give the key that one (ssh-keygen -p -f %s); or stop the root, put the new trust document into its folder public/trust, and start it with the new passphrase", err, path)
	case err != nil:
		return nil, err
	case signer.VerifierKey() != key:
		return nil, fmt.Errorf("%s is not the private half of %s: do the two files belong together?", path, path+keyfile.PublicSuffix)
	}
	return signer, nil
}

// passphrase asks once, and only while the root starts: nobody sits beside one
// that runs.
func (r *KeyRing) passphrase() ([]byte, error) {
	if !r.asked {
		if r.Running || r.Ask == nil {
			return nil, keyfile.ErrNeedsPassphrase
		}
		r.asked = true
		r.secret, r.err = r.Ask()
	}
	return r.secret, r.err
}

// KeysHere returns the private keys on this machine that may sign trust
// documents, under whatever name, and those that were made for that with the folder.
func KeysHere(d Folder, t *keys.Trust) []string {
	paths, _ := (&KeyRing{Dir: d.Keys()}).PublicKeys() // a file that cannot be read warns of nothing
	here := []string{d.AdminKey(), d.RecoveryKey()}
	role, _ := t.Role(keys.RoleTrust)
	for _, k := range t.Keys {
		if path, ok := paths[string(k.Public())]; ok && slices.Contains(role.Keys, k.Name()) {
			here = append(here, path)
		}
	}
	slices.Sort(here)
	return slices.DeleteFunc(slices.Compact(here), func(path string) bool {
		_, err := os.Stat(path)
		return err != nil
	})
}
