package mirror

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

const (
	maxConfig = 1 << 20 // bytes
	maxPinned = 2 * (keys.MaxTrustText + keys.MaxSignatureBlock)
	maxJitter = 24 * time.Hour
)

// ReadConfig reads a configuration file:
//
//	root = "http://ms.example.org/"
//	trust = "1.trust"                 # the pinned trust document
//	schedule = "17 * * * *"           # optional: for "mirror run"; UTC
//	jitter = "10m"                    # optional; "0s": none
//	allow_private = false             # optional: use mirrors at private addresses
//
//	[[target]]                        # one or more
//	type = "folder"
//	path = "/srv/mirror"
//	public_url = "http://mirror.example.net/ms/"  # optional: read back and verified here
//
// Relative paths are relative to the file. Unknown keys and wrong types are
// refused; each error names the file and the line. The pinned trust document
// is read, too.
func ReadConfig(file string) (Config, error) {
	data, err := readSmall(file, maxConfig)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	return parseConfig(file, data, func(path string) ([]byte, error) { return readSmall(path, maxPinned) })
}

// parseConfig is ReadConfig without the disk: read gets the trust document.
func parseConfig(file string, data []byte, read func(path string) ([]byte, error)) (Config, error) {
	top, err := parseTOML(file, data)
	if err != nil {
		return Config{}, err
	}
	c := configReader{dir: filepath.Dir(file), read: read}
	cfg := c.top(top)
	if err := errors.Join(c.errs...); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// A configReader collects every error, so that a file is put right in one go.
type configReader struct {
	dir  string
	read func(path string) ([]byte, error)
	errs []error
}

func (c *configReader) top(t *table) Config {
	cfg := Config{
		Root:         t.text("root"),
		Schedule:     t.text("schedule"),
		AllowPrivate: t.boolean("allow_private"),
	}
	pinned := t.text("trust")
	jitter := t.text("jitter")
	targets := t.tables("target")
	t.require("root", `root = "http://ms.example.org/"`)
	t.require("trust", `trust = "1.trust", the trust document that the root's admin gave you`)
	t.require("target", `a table [[target]] with type = "folder" and path = "/srv/mirror"`)
	t.refuseUnknown()

	if cfg.Root != "" {
		t.check("root", checkRoot(cfg.Root))
	}
	if pinned != "" {
		var err error
		cfg.Trust, err = c.pinned(pinned)
		t.check("trust", err)
	}
	if cfg.Schedule != "" {
		t.check("schedule", checkPublicSchedule(cfg.Schedule))
	}
	if jitter != "" {
		var err error
		cfg.Jitter, err = parseJitter(jitter)
		t.check("jitter", err)
	}
	c.errs = append(c.errs, t.errs...)
	for _, tt := range targets {
		cfg.Targets = append(cfg.Targets, c.target(tt))
	}
	return cfg
}

func (c *configReader) target(t *table) Target {
	kind, path, public := t.text("type"), t.text("path"), t.text("public_url")
	t.require("type", `type = "folder"`)
	t.require("path", `path = "/srv/mirror", the folder that the web server serves`)
	t.refuseUnknown()
	if kind != "" && kind != "folder" {
		t.check("type", fmt.Errorf(`type %q is not known; known: "folder"`, kind))
	}
	t.check("public_url", checkPublicURL(public))
	c.errs = append(c.errs, t.errs...)
	return Target{Target: publish.Folder{Path: c.path(path)}, PublicURL: public}
}

// path makes a path of the file absolute or relative to the file.
func (c *configReader) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.dir, p)
}

// pinned reads the trust document and checks that it can be pinned.
func (c *configReader) pinned(p string) ([]byte, error) {
	path := c.path(p)
	data, err := c.read(path)
	if err != nil {
		return nil, fmt.Errorf("trust: %w: copy the root's trust document there, as its admin gave it to you", err)
	}
	if _, err := keys.NewChain(data); err != nil {
		return nil, fmt.Errorf("trust: %s is not a trust document that can be pinned: %w", path, err)
	}
	return data, nil
}

// parseJitter returns a negative duration for none; see [Config.Jitter].
func parseJitter(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil || d < 0 || d > maxJitter:
		return 0, fmt.Errorf(`jitter %q is not a duration from "0s" to "24h", as "10m"`, s)
	case d == 0:
		return -1, nil
	}
	return d, nil
}

// readSmall reads a file of at most limit bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes: it is something else", path, limit)
	}
	return data, nil
}
