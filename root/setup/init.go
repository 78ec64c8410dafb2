// Package setup makes a root in a new data folder, and says who its admins are:
// what is done on the machine itself, whether the root is served or not.
package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// Config says what root to make.
type Config struct {
	Data       string           // required: a folder that is empty or does not exist
	Origin     string           // required: the name of the directory, for ever; see keys.CheckOrigin
	PublicURL  string           // URL of the root as the world sees it; "": the mirror list gets no root entry
	Passphrase []byte           // of all three private keys; empty: the files are not encrypted
	Now        func() time.Time // nil: time.Now
}

// Made says what [Init] made and where it lies.
type Made struct {
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

// Init makes a root: keys, trust/1.trust, a database, the first admin's token,
// an empty signed server.list and mirror.list, and a configuration. The folder
// must be empty or absent; a folder with a root is refused. With an error
// nothing is left behind; after a crash what is left is refused by Init and
// root.New as unfinished, because root.toml is put in place last.
func Init(ctx context.Context, cfg Config) (Made, error) {
	if err := cfg.check(); err != nil {
		return Made{}, err
	}
	var chain *keys.Chain
	err := datafolder.Make(cfg.Data, "root init", func(d datafolder.Folder) (err error) {
		chain, err = initIn(ctx, d, cfg)
		return err
	})
	if err != nil {
		return Made{}, err
	}
	return initialized(datafolder.Folder(cfg.Data), chain), nil
}

func (c *Config) check() error {
	if c.Data == "" {
		return errors.New("root: the data folder is required")
	}
	if err := keys.CheckOrigin(c.Origin); err != nil {
		return fmt.Errorf("origin: %w", err)
	}
	url, err := config.CheckPublicURL(c.PublicURL)
	if err != nil {
		return err
	}
	c.PublicURL = url
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// initIn builds everything in a folder.
func initIn(ctx context.Context, d datafolder.Folder, cfg Config) (*keys.Chain, error) {
	chain, err := makeTrust(d, cfg)
	if err != nil {
		return nil, err
	}
	if err := makeState(ctx, d, cfg, chain); err != nil {
		return nil, err
	}
	return chain, writeConfig(d.ConfigFile(), cfg)
}

// makeTrust makes the keys and the first trust document.
func makeTrust(d datafolder.Folder, cfg Config) (*keys.Chain, error) {
	if err := os.Mkdir(d.Keys(), 0o700); err != nil {
		return nil, err
	}
	var signers []*keys.Signer
	for _, k := range []struct{ path, name string }{
		{d.AdminKey(), "/admin/first"},
		{d.RecoveryKey(), "/admin/recovery"},
		{d.ListKey(), "/list/1"},
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
	if err := datafolder.MakePublic(d); err != nil {
		return nil, err
	}
	return chain, durable.WriteFile(d.Trust(1), data, 0o644)
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
func signTrust(cfg Config, admin, recovery, list *keys.Signer) ([]byte, error) {
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
func makeState(ctx context.Context, d datafolder.Folder, cfg Config, chain *keys.Chain) (err error) {
	st, err := store.OpenSQLite(ctx, store.Config{Path: d.Database(), Now: cfg.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	token := store.NewToken()
	call := &audit.Call{Admin: audit.Console, Action: store.ActionAddAdmin, Subject: firstAdmin}
	if err := st.AddAdmin(audit.With(ctx, call), firstAdmin, token.Hash()); err != nil {
		return err
	}
	if err := durable.WriteFile(d.AdminToken(), []byte(api.AdminTokenPrefix+token.Reveal()+"\n"), 0o600); err != nil {
		return err
	}
	ring := &datafolder.KeyRing{Dir: d.Keys(), Ask: func() ([]byte, error) { return cfg.Passphrase, nil }}
	publisher, err := issue.New(ctx, issue.Config{
		Store:   st,
		Chain:   chain,
		Keys:    ring.Find,
		Public:  d.Public(),
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

func writeConfig(path string, cfg Config) error {
	f, err := durable.Create(path, 0o600)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := config.WriteTemplate(f, cfg.Origin, cfg.PublicURL); err != nil {
		return err
	}
	return f.Commit()
}

func initialized(d datafolder.Folder, chain *keys.Chain) Made {
	t := chain.Newest()
	out := Made{
		Origin:      chain.Origin(),
		Data:        string(d),
		Config:      d.ConfigFile(),
		AdminToken:  d.AdminToken(),
		AdminKey:    d.AdminKey(),
		RecoveryKey: d.RecoveryKey(),
		ListKey:     d.ListKey(),
		Trust:       d.Trust(t.Version),
		TrustSHA256: fmt.Sprintf("%x", t.SHA256()),
	}
	for _, k := range t.Keys {
		out.Keys = append(out.Keys, k.String())
	}
	return out
}
