package backup

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/rejoin"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// RestoreConfig says what to restore, and where.
type RestoreConfig struct {
	Data    string   // required: a folder that is empty or does not exist
	File    string   // required: an archive that Make wrote
	Mirrors []string // URLs of mirrors that the backup may not know; see rejoin.Run
	Alone   bool     // there is no mirror: the root may sign without having looked

	Progress func(doing string, done, total int64) // bytes of the archive; nil: not called
	Now      func() time.Time                      // nil: time.Now
}

// A RestoreReport says what was restored.
type RestoreReport struct {
	Data string `json:"data"`
	Manifest
	Counts *RestoredCounts `json:"counts,omitempty"` // absent: the database is updated when the root is served first
	NoKeys bool            `json:"no_keys"`          // private keys have to be put into the folder
}

// RestoredCounts says how much is in the database.
type RestoredCounts struct {
	Pending int `json:"pending"` // registrations
	Listed  int `json:"listed"`  // entries
	Mirrors int `json:"mirrors"`
}

// Restore makes a data folder from a backup. The whole archive is verified
// before anything is in its place; with an error nothing is left behind. The
// root is marked as restored: unless Alone is set, root.New refuses it until
// [rejoin.Run] has looked at the mirrors, which may have a newer list.
func Restore(ctx context.Context, cfg RestoreConfig) (RestoreReport, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Progress == nil {
		cfg.Progress = func(string, int64, int64) {}
	}
	for _, u := range cfg.Mirrors {
		if err := serverlist.CheckMirrorURL(u); err != nil {
			return RestoreReport{}, fmt.Errorf("mirror %q: %w", clip(u), err)
		}
	}
	if _, err := os.Stat(datafolder.Folder(cfg.Data).ConfigFile()); err == nil {
		return RestoreReport{}, fmt.Errorf("%s holds a root already: nothing was changed; restore into another folder, and move that one away first if the backup is to take its place", cfg.Data)
	}
	var report RestoreReport
	err := datafolder.Make(cfg.Data, "restoring "+cfg.File, func(d datafolder.Folder) (err error) {
		report, err = restoreIn(ctx, d, cfg)
		return err
	})
	if err != nil {
		return RestoreReport{}, err
	}
	return report, nil
}

// restoreIn unpacks into a folder, and looks whether it is a root.
func restoreIn(ctx context.Context, d datafolder.Folder, cfg RestoreConfig) (RestoreReport, error) {
	m, err := unpack(ctx, cfg, d)
	if err != nil {
		return RestoreReport{}, err
	}
	report := RestoreReport{Data: cfg.Data, Manifest: *m, NoKeys: !m.WithKeys}
	if err := checkRestored(ctx, d, &report); err != nil || cfg.Alone {
		return report, err
	}
	return report, rejoin.WriteMark(d, rejoin.Mark{Made: m.Made, Restored: cfg.Now().UTC().Truncate(time.Second), Mirrors: cfg.Mirrors})
}

func unpack(ctx context.Context, cfg RestoreConfig, d datafolder.Folder) (*Manifest, error) {
	in, err := os.Open(cfg.File)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	done := int64(0)
	r := &countingReader{ctx, in, func(n int) { done += int64(n); cfg.Progress("restoring", done, info.Size()) }}
	dirs := map[string]bool{string(d): true}
	m, err := Read(r, func(f File) (io.WriteCloser, error) {
		path := filepath.Join(string(d), filepath.FromSlash(f.Name))
		if dir := filepath.Dir(path); !dirs[dir] {
			dirs[dir] = true
			if err := durable.MkdirAll(dir, 0o700); err != nil {
				return nil, err
			}
		}
		out, err := durable.Create(path, f.Mode())
		if err != nil {
			return nil, err
		}
		return &committing{out, f}, nil
	})
	if err != nil {
		return nil, err
	}
	return m, datafolder.MakePublic(d)
}

// committing puts a file in place when it is closed. Its content is checked
// afterwards; until then nothing outside the claim sees it.
type committing struct {
	*durable.File
	f File
}

func (c *committing) Close() error {
	defer c.Abort()
	if err := c.Chmod(c.f.Mode()); err != nil {
		return err
	}
	return c.Commit()
}

// checkRestored looks whether what was unpacked is a root that can be served.
func checkRestored(ctx context.Context, d datafolder.Folder, report *RestoreReport) error {
	cfg, err := config.Load(string(d))
	if err != nil {
		return err
	}
	chain, err := datafolder.LoadChain(d)
	if err != nil {
		return err
	}
	if cfg.Origin != "" && cfg.Origin != chain.Origin() || report.Origin != chain.Origin() {
		return fmt.Errorf("it does not belong together: root.toml is of %q, the trust documents are of %q", cfg.Origin, chain.Origin())
	}
	for _, l := range report.Lists {
		if _, err := datafolder.ReadPublished(d, l.Name, chain); err != nil {
			return err
		}
	}
	tables, err := store.Check(ctx, d.Database())
	if err != nil {
		return err
	}
	if tables != report.Tables {
		return fmt.Errorf("the manifest says tables of version %d, the database has version %d", report.Tables, tables)
	}
	if counts, err := store.ReadCounts(ctx, d.Database()); err == nil { // an older one is updated later
		report.Counts = &RestoredCounts{Pending: counts.Pending, Listed: counts.Listed, Mirrors: counts.Mirrors}
	}
	return nil
}
