package issue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// Restore takes over what the store has published, repairs the public folder
// where a crash left it behind, and makes the documents available to serve. Run
// and Publish call it when nobody has. It signs nothing, with one exception: a
// trust document that was put into the public folder, and under which the lists
// do not hold, is held back until they are signed again, which is tried at once
// unless [Config].Look comes first.
//
// If the public folder holds a newer edition than the store, the store comes
// from a backup. Clients may have seen that edition, so it stays served, and
// the next one will be newer still; if that would lose entries, it waits for an
// admin ([RemovalError]). [*DatabaseError]: the store is new or another root's.
func (p *Publisher) Restore(ctx context.Context) error {
	rise, err := p.sit(ctx)
	if err != nil {
		return err
	}
	defer rise()
	return p.restore(ctx)
}

// restored restores if that has not been done. The caller has the seat.
func (p *Publisher) restored(ctx context.Context) error {
	if p.isRestored {
		return nil
	}
	return p.restore(ctx)
}

func (p *Publisher) restore(ctx context.Context) error {
	if err := p.prepareFolder(); err != nil {
		return fmt.Errorf("preparing the public folder: %w", err)
	}
	for _, l := range p.lists() {
		var err error
		if l.newest, l.known, err = p.readFile(l); err != nil {
			return fmt.Errorf("reading the public folder: %w", err)
		}
	}
	if err := p.catchUp(ctx, p.lists()...); err != nil {
		return err
	}
	for _, l := range p.lists() {
		if err := p.compareStore(ctx, l); err != nil {
			return err
		}
	}
	p.isRestored = true
	if !p.hasLooked || len(p.view.Load().trust) == len(p.authority.chain.Documents()) {
		return nil
	}
	if err := p.recordTrust(ctx); err != nil {
		p.cfg.Log.Error("the trust document in the public folder is not served yet; it is tried again", "err", err)
	}
	return nil
}

// compareStore looks whether the store is older than the public folder.
func (p *Publisher) compareStore(ctx context.Context, l *list) error {
	if l.known == nil || !l.known.place().after(l.inStore) {
		return nil
	}
	s, err := l.snapshot(ctx)
	if err != nil {
		return err
	}
	missing := countMissing(l.known.ids, s.ids)
	if missing > 0 && (l.inStore == (place{}) || s.change == 0) {
		return &DatabaseError{List: l.name, Problem: fmt.Sprintf("is new: it lacks %d of the %d entries that the public folder lists (version %d)",
			missing, len(l.known.ids), l.known.head.Version)}
	}
	p.cfg.Log.Warn("the public folder holds a newer edition than the database, which may come from a backup; the next edition will be newer than both",
		"list", l.name, "version", l.known.head.Version, "in_database", l.inStore.version, "missing_entries", missing)
	l.due, l.behind = true, true
	return nil
}

func (p *Publisher) prepareFolder() error {
	for _, dir := range []string{p.cfg.Public, filepath.Join(p.cfg.Public, "trust")} {
		if err := durable.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := durable.Clean(dir, time.Hour); err != nil {
			p.cfg.Log.Warn("cannot remove temporary files", "folder", dir, "err", err)
		}
	}
	return nil
}

// readFile returns the edition in the public folder, if there is one that
// verifies, and the same or the one that did so before a key was revoked. When
// it was first seen is not known, so that no revoked key counts.
func (p *Publisher) readFile(l *list) (newest, known *edition, err error) {
	f, err := os.Open(p.path(l.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxDocument))
	if err != nil {
		return nil, nil, err
	}
	newest, refused := p.openStored(p.authority, l, data, time.Time{})
	if refused == nil {
		return newest, newest, nil
	}
	p.cfg.Log.Warn("the file in the public folder does not verify and will be replaced by a newer one", "list", l.name, "err", refused)
	if known, err = openOnce(p.authority, l, data); err != nil {
		return nil, nil, nil // it is damaged
	}
	return nil, known, nil
}

// maxDocument is more than any document has, in bytes.
const maxDocument = serverlist.MaxServerListBody + keys.MaxHeadText + keys.MaxSignatureBlock + 2

func (p *Publisher) path(name string) string {
	return filepath.Join(p.cfg.Public, filepath.FromSlash(name))
}

// writePublic replaces a file that any web server on the machine may read.
func writePublic(path string, data []byte) error {
	f, err := durable.Create(path, 0o644)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := f.Chmod(0o644); err != nil { // the umask of a service may be 077
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}
