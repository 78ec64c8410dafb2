package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// MakeConfig says what to back up, and where to.
type MakeConfig struct {
	Data     string // required: the data folder; its root may be served meanwhile
	File     string // required: the archive, which must not exist yet
	Config   string // path of the configuration; "": root.toml in the data folder
	WithKeys bool   // private keys, the admin token and other files of the data folder, too
	Program  string // version of this program, for the manifest

	Progress func(doing string, done, total int64) // bytes; nil: not called
	Now      func() time.Time                      // nil: time.Now
}

// A Report says what is in a backup.
type Report struct {
	File string `json:"file"`
	Size int64  `json:"size"` // bytes of the archive
	Manifest
}

// maxOther is the most that a file has which is backed up without being one of
// the root's own, in bytes.
const maxOther = 1 << 20

// Make writes an archive of a root, and reads it back before it is in place under its name, with mode 0600: it holds the
// e-mail addresses of everybody, and with WithKeys whoever has it is the root.
// The database in it is of one moment, and no older than the published documents
// in it. Nothing is changed in the data folder. An error leaves no archive. What a
// backup that was killed has left beside File is removed.
func Make(ctx context.Context, cfg MakeConfig) (Report, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Progress == nil {
		cfg.Progress = func(string, int64, int64) {}
	}
	if err := cfg.check(); err != nil {
		return Report{}, err
	}
	// One that cannot be removed is another user's, and does this one no harm.
	_, _ = RemoveTemps(filepath.Dir(cfg.File), cfg.Now())
	temp, end, err := makeTemp(filepath.Dir(cfg.File))
	if err != nil {
		return Report{}, err
	}
	defer end()
	b := &job{MakeConfig: cfg, from: datafolder.Folder(cfg.Data), temp: temp}
	if err := b.collect(ctx); err != nil {
		return Report{}, err
	}
	size, err := b.write(ctx)
	if err != nil {
		return Report{}, err
	}
	return Report{File: cfg.File, Size: size, Manifest: b.manifest}, nil
}

// ErrNoSpace is the error of a full disk.
var ErrNoSpace = store.ErrNoSpace

func (c *MakeConfig) check() error {
	if c.Data == "" || c.File == "" {
		return errors.New("root: a backup needs the data folder and the name of a file")
	}
	if _, err := os.Stat(datafolder.Folder(c.Data).Marker(c.Config)); err != nil {
		return datafolder.NoRoot(c.Data)
	}
	if err := checkAbsent(c.File); err != nil {
		return err
	}
	public, err := filepath.EvalSymlinks(datafolder.Folder(c.Data).Public())
	if err != nil {
		return err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(c.File))
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(public, dir); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("%s is in the public folder, which the world reads, and a backup holds e-mail addresses: choose another folder", c.File)
	}
	return nil
}

func checkAbsent(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return &fs.PathError{Op: "backup", Path: path, Err: fs.ErrExist}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// A job is one backup under way.
type job struct {
	MakeConfig
	from     datafolder.Folder
	temp     string // folder of the copies
	manifest Manifest
}

// collect copies everything into the temporary folder. The database comes last:
// an edition is in it before it is in the public folder.
func (b *job) collect(ctx context.Context) error {
	b.manifest = Manifest{Format: Format, Program: b.Program, Made: b.Now().UTC().Truncate(time.Second), WithKeys: b.WithKeys}
	if err := b.copyPublic(); err != nil {
		return err
	}
	settings := b.from.ConfigFile()
	if b.Config != "" {
		settings = b.Config
	}
	if err := b.addFrom(settings, ConfigName, config.MaxSize); err != nil {
		return err
	}
	if err := b.copyOthers(); err != nil {
		return err
	}
	return b.copyDatabase(ctx)
}

// add copies a file of the data folder.
func (b *job) add(name string, limit int64) error {
	return b.addFrom(filepath.Join(string(b.from), filepath.FromSlash(name)), name, limit)
}

func (b *job) addFrom(path, name string, limit int64) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	to := filepath.Join(b.temp, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	n, err := io.Copy(out, io.LimitReader(in, limit+1))
	if err != nil {
		return err
	}
	if n > limit {
		return fmt.Errorf("%s is larger than %d bytes", in.Name(), limit)
	}
	if err := out.Close(); err != nil {
		return err
	}
	return b.list(name)
}

// list enters a copied file into the manifest.
func (b *job) list(name string) error {
	f, err := os.Open(filepath.Join(b.temp, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	b.manifest.Files = append(b.manifest.Files, File{Name: name, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))})
	return err
}

// maxPublished is more than any published document has, in bytes.
const maxPublished = 1 << 30

// copyPublic copies the documents and verifies them as a client would.
func (b *job) copyPublic() error {
	chain, err := datafolder.LoadChain(b.from)
	if err != nil {
		return err
	}
	b.manifest.Origin, b.manifest.Trust = chain.Origin(), chain.Newest().Version
	for n := range chain.Newest().Version {
		if err := b.add(fmt.Sprintf("public/trust/%d.trust", n+1), datafolder.MaxTrust); err != nil {
			return err
		}
	}
	for _, name := range []string{issue.MirrorListName, issue.ServerListName} {
		if err := b.add("public/"+name, maxPublished); err != nil {
			return fmt.Errorf("%w; \"metaserver root serve\" publishes it again", err)
		}
		if err := b.describeList(name, chain); err != nil {
			return err
		}
	}
	return nil
}

func (b *job) describeList(name string, chain *keys.Chain) error {
	l, err := datafolder.ReadPublished(datafolder.Folder(b.temp), name, chain)
	if err != nil {
		// It may hold under an older trust document only. The database decides.
		b.manifest.LeftOut = append(b.manifest.LeftOut, fmt.Sprintf("public/%s does not verify: %v", name, err))
		return nil
	}
	b.manifest.Lists = append(b.manifest.Lists, List{Name: name, Version: l.Head.Version, Epoch: l.Head.Epoch, Entries: len(l.Servers) + len(l.Mirrors)})
	return nil
}

// copyOthers copies public halves of keys, and with the keys all that
// root.toml may name.
func (b *job) copyOthers() error {
	return filepath.WalkDir(string(b.from), func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == string(b.from) {
			return err
		}
		rel, err := filepath.Rel(string(b.from), path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		switch {
		case b.isOwn(name):
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case e.IsDir():
			return nil
		}
		isPublicKey := strings.HasPrefix(name, "keys/") && strings.HasSuffix(name, keyfile.PublicSuffix)
		if !b.WithKeys && !isPublicKey {
			b.manifest.LeftOut = append(b.manifest.LeftOut, name)
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Size() > maxOther || CheckName(name) != nil {
			b.manifest.LeftOut = append(b.manifest.LeftOut, name)
			return nil
		}
		return b.add(name, maxOther)
	})
}

// isOwn tells whether a file or folder is copied otherwise, or of no use in
// another place.
func (b *job) isOwn(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return slices.Contains([]string{"public", "lock", ConfigName, filepath.Base(b.from.RestoredMark())}, first) ||
		strings.HasPrefix(first, DatabaseName) || strings.HasPrefix(first, ".")
}

// copyDatabase copies the database and looks whether the copy is whole.
func (b *job) copyDatabase(ctx context.Context) error {
	unlock, unused := b.keepOut()
	defer unlock()
	to := datafolder.Folder(b.temp).Database()
	err := store.Copy(ctx, store.CopyConfig{
		From: b.from.Database(), To: to, Unused: unused,
		Progress: func(done, total int64) { b.Progress("copying the database", done, total) },
	})
	if err != nil {
		return err
	}
	if b.manifest.Tables, err = store.Check(ctx, to); err != nil {
		return fmt.Errorf("the copy is not good: %w", err)
	}
	return b.list(DatabaseName)
}

// keepOut keeps a server from starting while the database is copied, if none
// runs. A folder that was never served, or is not ours to write to, stays as it
// is.
func (b *job) keepOut() (unlock func(), unused bool) {
	if _, err := os.Stat(b.from.LockFile()); err != nil {
		return func() {}, true
	}
	lock, err := datafolder.Lock(b.from)
	if err != nil {
		return func() {}, !errors.As(err, new(*datafolder.LockedError))
	}
	return func() { lock.Close() }, true
}

// write writes the archive, reads it back, and puts it in place.
func (b *job) write(ctx context.Context) (size int64, err error) {
	path := filepath.Join(b.temp, "archive")
	out, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	done, total := int64(0), b.manifest.Size()
	err = Write(out, &b.manifest, func(name string) (io.ReadCloser, error) {
		f, err := os.Open(filepath.Join(b.temp, filepath.FromSlash(name)))
		return &countingReader{ctx, f, func(n int) { done += int64(n); b.Progress("packing", done, total) }}, err
	})
	if err != nil {
		return 0, err
	}
	if err := out.Sync(); err != nil {
		return 0, err
	}
	if size, err = out.Seek(0, io.SeekCurrent); err != nil {
		return 0, err
	}
	if _, err = out.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	done = 0
	read := &countingReader{ctx, out, func(n int) { done += int64(n); b.Progress("reading it back", done, size) }}
	if _, err := Read(read, nil); err != nil {
		return 0, fmt.Errorf("what was written cannot be read back: %w", err)
	}
	if err := out.Close(); err != nil {
		return 0, err
	}
	if err := checkAbsent(b.File); err != nil { // made meanwhile
		return 0, err
	}
	return size, durable.Rename(path, b.File)
}

// A countingReader tells what is read, and ends with its context.
type countingReader struct {
	ctx context.Context
	io.ReadCloser
	count func(n int)
}

func (r *countingReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.ReadCloser.Read(p)
	r.count(n)
	return n, err
}
