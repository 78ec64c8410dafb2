package mirror

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

const (
	maxConfig = 1 << 20 // bytes
	maxPinned = 2 * (keys.MaxTrustText + keys.MaxSignatureBlock)
	maxJitter = 24 * time.Hour

	maxWarnBefore = 180 * 24 * time.Hour
)

// ReadConfig reads a configuration file:
//
//	root = "http://ms.example.org/"
//	trust = "1.trust"                 # the pinned trust document
//	schedule = "17 * * * *"           # optional: for "mirror run"; UTC
//	jitter = "10m"                    # optional; "0s": none; see Config.Jitter
//	allow_private = false             # optional: use mirrors at private addresses
//
//	warn_before = "6h"                # optional: when what is published counts as about to be stale
//
//	[[target]]                        # one or more; see package hosts for the types
//	type = "folder"
//	path = "/srv/mirror"
//	public_url = "http://mirror.example.net/ms/"  # optional: read back and verified here
//
//	[[notify]]                        # any number: whom to tell; see package notify
//	type = "webhook"
//	url = "https://example.net/hook"
//
// Relative paths are relative to the file. Unknown keys and wrong types are
// refused; each error names the file and the line. The pinned trust document
// is read, too.
func ReadConfig(file string) (Config, error) {
	data, err := readSmall(file, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("configuration: %w; \"metaserver mirror setup\" writes one", err)
	}
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	cfg, err := parseConfig(file, data, func(path string) ([]byte, error) { return readSmall(path, maxPinned) })
	if err != nil {
		return Config{}, err
	}
	if err := checkFolders(cfg.Targets); err != nil {
		return Config{}, fmt.Errorf("%s: %w", file, err)
	}
	return cfg, nil
}

// parseConfig is ReadConfig without the disk: read gets the trust document.
func parseConfig(file string, data []byte, read func(path string) ([]byte, error)) (Config, error) {
	top, err := tomlfile.Parse(file, data)
	if err != nil {
		return Config{}, err
	}
	c := configReader{Table: top, dir: filepath.Dir(file), read: read}
	cfg := c.top()
	if err := top.Err(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

type configReader struct {
	*tomlfile.Table
	dir  string
	read func(path string) ([]byte, error)
}

func (c *configReader) top() Config {
	cfg := Config{
		Root:         c.Text("root"),
		Schedule:     c.Text("schedule"),
		AllowPrivate: c.Bool("allow_private"),
	}
	pinned := c.Text("trust")
	jitter := c.Text("jitter")
	c.Require("root", `root = "http://ms.example.org/"`)
	c.Require("trust", `trust = "1.trust", the trust document that the root's admin gave you`)
	c.Require("target", `a table [[target]] with type = "folder" and path = "/srv/mirror"`)
	if cfg.Root != "" {
		c.Check("root", checkRoot(cfg.Root))
	}
	if pinned != "" {
		var err error
		cfg.Trust, err = c.pinned(pinned)
		c.Check("trust", err)
	}
	if cfg.Schedule != "" {
		c.Check("schedule", checkPublicSchedule(cfg.Schedule))
	}
	if jitter != "" {
		var err error
		cfg.Jitter, err = parseJitter(jitter)
		c.Check("jitter", err)
	}
	if warn := c.Text("warn_before"); warn != "" {
		var err error
		cfg.WarnBefore, err = parseWarnBefore(warn)
		c.Check("warn_before", err)
	}
	for _, h := range hosts.Read(c.Table, c.dir) {
		cfg.Targets = append(cfg.Targets, Target{Target: h.Target, PublicURL: h.PublicURL})
		cfg.Notes = append(cfg.Notes, h.Notes...)
	}
	channels, notes := notify.Read(c.Table, c.dir)
	cfg.Notify, cfg.Notes = channels, append(cfg.Notes, notes...)
	c.RefuseUnknown()
	return cfg
}

// checkFolders refuses one folder under two names, as by a symbolic link, as far
// as the folders are there. Package hosts refuses equal names.
func checkFolders(targets []Target) error {
	type place struct {
		path string
		info os.FileInfo
	}
	var seen []place
	for _, t := range targets {
		folder, ok := t.Target.(publish.Folder)
		if !ok {
			continue
		}
		info, err := os.Stat(folder.Path)
		if err != nil {
			continue // the first publication makes it, or says why not
		}
		for _, p := range seen {
			if p.path != folder.Path && os.SameFile(p.info, info) {
				return fmt.Errorf("the targets %s and %s are one folder: remove one", p.path, folder.Path)
			}
		}
		seen = append(seen, place{folder.Path, info})
	}
	return nil
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

func parseWarnBefore(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > maxWarnBefore {
		return 0, fmt.Errorf(`warn_before %q is not a duration above 0 and up to "4320h", as "6h"`, s)
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
