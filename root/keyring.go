package root

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
)

// A keyRing is the folder with the private keys of a root. Which of them signs
// is for the trust document to say: a key is found by its public half, in the
// .pub file beside it. New files are found while the root runs.
type keyRing struct {
	dir     string
	ask     func() ([]byte, error) // nil: there is nobody to ask
	running bool                   // nobody is asked any more

	asked  bool
	secret []byte
	err    error
}

// find returns a signer for the first of these keys whose private half opens.
func (r *keyRing) find(able []keys.VerifierKey) (*keys.Signer, error) {
	paths, problems := r.publicKeys()
	for _, k := range able {
		path, ok := paths[string(k.Public())]
		if !ok {
			problems = append(problems, fmt.Errorf("the private key of %s is not in %s; put it there with its .pub file, for its owner only (chmod 600)", k.Name(), r.dir))
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

// publicKeys maps public keys to the paths of their private halves. A file that
// cannot be read is a problem only if its key is the one that is needed.
func (r *keyRing) publicKeys() (paths map[string]string, problems []error) {
	paths = make(map[string]string)
	files, err := os.ReadDir(r.dir)
	if err != nil {
		return paths, []error{fmt.Errorf("reading the folder of keys: %w", err)}
	}
	for _, f := range files {
		name, isPublic := strings.CutSuffix(f.Name(), keyfile.PublicSuffix)
		if !isPublic {
			continue
		}
		public, err := keyfile.LoadPublic(filepath.Join(r.dir, f.Name()))
		if err != nil {
			problems = append(problems, err)
			continue
		}
		paths[string(public.Public())] = filepath.Join(r.dir, name)
	}
	return paths, problems
}

// load opens a private key.
func (r *keyRing) load(path string, key keys.VerifierKey) (*keys.Signer, error) {
	signer, err := keyfile.Load(path, key.Name(), r.passphrase)
	switch {
	case r.running && (errors.Is(err, keyfile.ErrPassphrase) || errors.Is(err, keyfile.ErrNeedsPassphrase)):
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
func (r *keyRing) passphrase() ([]byte, error) {
	if !r.asked {
		if r.running || r.ask == nil {
			return nil, keyfile.ErrNeedsPassphrase
		}
		r.asked = true
		r.secret, r.err = r.ask()
	}
	return r.secret, r.err
}
