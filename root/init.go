package root

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// InitConfig says what root to make.
type InitConfig struct {
	Data       string           // required: a folder that is empty or does not exist
	Origin     string           // required: the name of the directory, for ever; see keys.CheckOrigin
	PublicURL  string           // URL of the root as the world sees it; "": the mirror list gets no root entry
	Passphrase []byte           // of all three private keys; empty: the files are not encrypted
	Now        func() time.Time // nil: time.Now
}

// Initialized says what [Init] made and where it lies.
type Initialized struct {
	Origin      string   `json:"origin"`
	Data        string   `json:"data"`
	Config      string   `json:"config"`
	AdminToken  string   `json:"admin_token_file"`
	AdminKey    string   `json:"admin_key"`
	RecoveryKey string   `json:"recovery_key"`
	ListKey     string   `json:"list_key"`
	Trust       string   `json:"trust"`        // the document that clients and mirrors pin
	TrustSHA256 string   `json:"trust_sha256"` // 64 hex digits
	Keys        []string `json:"keys"`         // verifier keys: admin, recovery, list
}

// firstAdmin is the name under which decisions of the first token are recorded.
const firstAdmin = "admin"

// unfinished is the folder in which Init works. Whoever makes it has claimed
// the data folder.
const unfinished = ".init"

// Init makes a root: keys, trust/1.trust, a database, the first admin's token,
// an empty signed server.list and mirror.list, and a configuration. The folder
// must be empty or absent; a folder with a root is refused. With an error
// nothing is left behind; after a crash what is left is refused by Init and
// [New] as unfinished, because root.toml is put in place last.
func Init(ctx context.Context, cfg InitConfig) (Initialized, error) {
	if err := cfg.check(); err != nil {
		return Initialized{}, err
	}
	made, err := claim(cfg.Data)
	if err != nil {
		return Initialized{}, explainFolder(cfg.Data, err)
	}
	chain, err := initIn(ctx, cfg)
	if err != nil {
		unclaim(cfg.Data, made)
		return Initialized{}, fmt.Errorf("root init: %w", explainFolder(cfg.Data, err))
	}
	return initialized(folder(cfg.Data), chain), nil
}

func (c *InitConfig) check() error {
	if c.Data == "" {
		return errors.New("root: the data folder is required")
	}
	if err := keys.CheckOrigin(c.Origin); err != nil {
		return fmt.Errorf("origin: %w", err)
	}
	url, err := checkPublicURL(c.PublicURL)
	if err != nil {
		return err
	}
	c.PublicURL = url
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// claim makes the data folder, tells whether it did, and reserves it: of
// several calls one succeeds.
func claim(data string) (made bool, err error) {
	switch _, err := os.Stat(data); {
	case errors.Is(err, fs.ErrNotExist):
		made = true
		if err := durable.MkdirAll(data, 0o700); err != nil {
			return false, err
		}
	case err != nil:
		return false, fmt.Errorf("data folder: %w", err)
	}
	switch err := os.Mkdir(filepath.Join(data, unfinished), 0o700); {
	case errors.Is(err, fs.ErrExist):
		return false, claimed(data)
	case err != nil:
		return false, fmt.Errorf("data folder: %w", err)
	}
	err = checkEmpty(data)
	if err == nil {
		err = os.Chmod(data, 0o700)
	}
	if err != nil {
		unclaim(data, made)
	}
	return made, err
}

// claimed explains why a folder cannot be claimed.
func claimed(data string) error {
	d := folder(data)
	if _, err := os.Stat(d.config()); err == nil {
		return alreadyRoot(data)
	}
	if _, err := os.Stat(d.database()); err == nil {
		return &NoRootError{Data: data, Unfinished: true}
	}
	return fmt.Errorf("another init works in %s, or one did not finish there: if none runs, remove the folder and run it again", data)
}

func alreadyRoot(data string) error {
	return fmt.Errorf("%s holds a root already, and a second init would make new keys that no client knows: serve it, or choose another folder", data)
}

// checkEmpty refuses a folder that holds anything but the claim.
func checkEmpty(data string) error {
	have, err := os.ReadDir(data)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	d := folder(data)
	if _, err := os.Stat(d.config()); err == nil {
		return alreadyRoot(data)
	}
	for _, e := range have {
		switch e.Name() {
		case unfinished:
		case filepath.Base(d.database()):
			return &NoRootError{Data: data, Unfinished: true}
		default:
			return fmt.Errorf("%s is not empty (it holds %s): choose a folder of its own", data, e.Name())
		}
	}
	return nil
}

// unclaim gives a claimed folder back, with what is left in the claim.
func unclaim(data string, made bool) {
	os.RemoveAll(filepath.Join(data, unfinished))
	if made {
		os.Remove(data) // fails if somebody else has claimed it by now
	}
}

// initIn builds everything in a folder within the data folder and moves it to
// its place.
func initIn(ctx context.Context, cfg InitConfig) (*keys.Chain, error) {
	d := folder(filepath.Join(cfg.Data, unfinished))
	chain, err := makeTrust(d, cfg)
	if err != nil {
		return nil, err
	}
	if err := makeState(ctx, d, cfg, chain); err != nil {
		return nil, err
	}
	if err := writeConfig(d.config(), cfg); err != nil {
		return nil, err
	}
	return chain, settle(folder(cfg.Data), d)
}

// makeTrust makes the keys and the first trust document.
func makeTrust(d folder, cfg InitConfig) (*keys.Chain, error) {
	if err := os.Mkdir(d.keys(), 0o700); err != nil {
		return nil, err
	}
	var signers []*keys.Signer
	for _, k := range []struct{ path, name string }{
		{d.adminKey(), "/admin/first"},
		{d.recoveryKey(), "/admin/recovery"},
		{d.listKey(), "/list/1"},
	} {
		s, err := keyfile.Create(k.path, keyName(cfg.Origin, k.name), cfg.Passphrase)
		if err != nil {
			return nil, err
		}
		signers = append(signers, s)
	}
	data, err := signTrust(cfg, signers[0], signers[1], signers[2])
	if err != nil {
		return nil, err
	}
	chain, err := keys.NewChain(data)
	if err != nil {
		return nil, fmt.Errorf("the trust document just made does not verify: %w", err)
	}
	if err := makePublic(d); err != nil {
		return nil, err
	}
	return chain, durable.WriteFile(d.trust(1), data, 0o644)
}

// makePublic makes the folders that any web server may read, whatever the
// umask says.
func makePublic(d folder) error {
	trust := filepath.Dir(d.trust(1))
	return errors.Join(durable.MkdirAll(trust, 0o755), os.Chmod(d.public(), 0o755), os.Chmod(trust, 0o755))
}

// keyName begins with the origin, so that no two origins have keys of one
// name. An origin that leaves no room for that stays out of it.
func keyName(origin, suffix string) string {
	const most = 128 // bytes of a key's name
	if len(origin)+len(suffix) > most {
		return suffix[1:]
	}
	return origin + suffix
}

// signTrust writes the first trust document: either admin key alone may sign
// the next one, so that the loss of one of them does not end the root.
func signTrust(cfg InitConfig, admin, recovery, list *keys.Signer) ([]byte, error) {
	now := cfg.Now().UTC().Truncate(time.Second)
	name := func(s *keys.Signer) string { return s.VerifierKey().Name() }
	t := keys.Trust{
		Origin:   cfg.Origin,
		Version:  1,
		Epoch:    1,
		Issued:   now,
		ReviewBy: now.AddDate(1, 0, 0),
		Keys:     []keys.VerifierKey{admin.VerifierKey(), recovery.VerifierKey(), list.VerifierKey()},
		Roles: []keys.Role{
			{Name: keys.RoleTrust, Threshold: 1, Keys: []string{name(admin), name(recovery)}},
			{Name: "mirrors", Threshold: 1, Keys: []string{name(list)}},
			{Name: "list", Threshold: 1, Keys: []string{name(list)}},
		},
	}
	text, err := t.Encode()
	if err != nil {
		return nil, err
	}
	return keys.Sign(text, admin, recovery)
}

// makeState makes the database with the first admin, and publishes the first
// editions: the mirror list before the server list that names its version.
func makeState(ctx context.Context, d folder, cfg InitConfig, chain *keys.Chain) (err error) {
	st, err := store.OpenSQLite(ctx, store.Config{Path: d.database(), Now: cfg.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	token := store.NewToken()
	call := &audit.Call{Admin: audit.Console, Action: store.ActionAddAdmin, Subject: firstAdmin}
	if err := st.AddAdmin(audit.With(ctx, call), firstAdmin, token.Hash()); err != nil {
		return err
	}
	if err := durable.WriteFile(d.token(), []byte(api.AdminTokenPrefix+token.Reveal()+"\n"), 0o600); err != nil {
		return err
	}
	ring := &keyRing{dir: d.keys(), ask: func() ([]byte, error) { return cfg.Passphrase, nil }}
	publisher, err := issue.New(ctx, issue.Config{
		Store:   st,
		Chain:   chain,
		Keys:    ring.find,
		Public:  d.public(),
		RootURL: cfg.PublicURL,
		Now:     cfg.Now,
	})
	if err != nil {
		return err
	}
	for _, typ := range []string{serverlist.TypeMirrorList, serverlist.TypeServerList} {
		if err := publisher.Publish(ctx, typ); err != nil {
			return err
		}
	}
	return nil
}

func writeConfig(path string, cfg InitConfig) error {
	f, err := durable.Create(path, 0o600)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := configText.Execute(f, cfg); err != nil {
		return err
	}
	return f.Commit()
}

// settle moves what was built to its place, the configuration last: its
// presence means that all is there. With an error it takes back what it moved.
func settle(to, from folder) (err error) {
	have, err := os.ReadDir(string(from))
	if err != nil {
		return err
	}
	var moved []string
	defer func() {
		if err != nil {
			for _, path := range moved {
				os.RemoveAll(path)
			}
		}
	}()
	move := func(name string) error {
		path := filepath.Join(string(to), name)
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s has come into being meanwhile", path)
		}
		moved = append(moved, path)
		return durable.Rename(filepath.Join(string(from), name), path)
	}
	last := filepath.Base(from.config())
	for _, e := range have {
		if e.Name() == last {
			continue
		}
		if err := move(e.Name()); err != nil {
			return err
		}
	}
	if err := move(last); err != nil {
		return err
	}
	return os.Remove(string(from))
}

func initialized(d folder, chain *keys.Chain) Initialized {
	t := chain.Newest()
	out := Initialized{
		Origin:      chain.Origin(),
		Data:        string(d),
		Config:      d.config(),
		AdminToken:  d.token(),
		AdminKey:    d.adminKey(),
		RecoveryKey: d.recoveryKey(),
		ListKey:     d.listKey(),
		Trust:       d.trust(t.Version),
		TrustSHA256: fmt.Sprintf("%x", t.SHA256()),
	}
	for _, k := range t.Keys {
		out.Keys = append(out.Keys, k.String())
	}
	return out
}
