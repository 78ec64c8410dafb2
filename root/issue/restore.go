package issue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// Restore takes over what the store has published, repairs the public folder
// where a crash left it behind, and makes the documents available to serve. It
// signs nothing. Run and Publish call it when nobody has.
//
// If the public folder holds a newer edition than the store, the store comes
// from a backup. Clients may have seen that edition, so it stays served, and
// the next one will be newer still.
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
	if err := p.restoreTrust(); err != nil {
		return fmt.Errorf("publishing the trust documents: %w", err)
	}
	for _, l := range p.lists() {
		if err := p.restoreList(ctx, l); err != nil {
			return fmt.Errorf("restoring %s: %w", l.name, err)
		}
	}
	p.isRestored = true
	return nil
}

// restoreTrust publishes the chain: no list may appear before the documents it
// is verified with.
func (p *Publisher) restoreTrust() error {
	for _, dir := range []string{p.cfg.Public, filepath.Join(p.cfg.Public, "trust")} {
		if err := durable.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := durable.Clean(dir, time.Hour); err != nil {
			p.cfg.Log.Warn("cannot remove temporary files", "folder", dir, "err", err)
		}
	}
	for _, t := range p.cfg.Chain.Documents() {
		d := trustDocument(t)
		if err := p.publishTrust(d); err != nil {
			return err
		}
		p.serve(d)
	}
	return nil
}

// publishTrust writes a trust document to the public folder unless it is
// there. A new one goes out only if the lists that follow it will hold under
// it: otherwise every client would refuse them.
func (p *Publisher) publishTrust(d *Document) error {
	path := p.path(d.Name)
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, d.Bytes) {
		return nil
	}
	for _, l := range p.lists() {
		if _, err := p.sign(l, &snapshot{}); err != nil {
			return fmt.Errorf("%s is not published: %w", d.Name, err)
		}
	}
	return p.write(path, d.Bytes)
}

func (p *Publisher) restoreList(ctx context.Context, l *list) error {
	inFile, err := p.readFile(l)
	if err != nil {
		return err
	}
	if inFile != nil {
		l.newest = inFile
		p.serve(inFile.doc)
	}
	if err := p.adoptStored(ctx, l); err != nil {
		return err
	}
	if l.newest != nil && l.newest.head.Version != l.inStore {
		p.cfg.Log.Warn("the public folder holds another edition than the database, which may come from a backup; the next edition will be newer than both",
			"list", l.name, "version", l.newest.head.Version, "in_database", l.inStore)
		l.due = true
	}
	return nil
}

// readFile returns the edition in the public folder, if there is one that
// verifies.
func (p *Publisher) readFile(l *list) (*edition, error) {
	f, err := os.Open(p.path(l.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxDocument))
	if err != nil {
		return nil, err
	}
	opened, err := p.open(l, data, keys.Live, time.Time{})
	if err != nil {
		p.cfg.Log.Warn("the file in the public folder does not verify and will be replaced", "list", l.name, "err", err)
		return nil, nil
	}
	return newEdition(l.name, opened), nil
}

// maxDocument is more than any document has, in bytes.
const maxDocument = serverlist.MaxServerListBody + keys.MaxHeadText + keys.MaxSignatureBlock + 2

// adoptStored makes the store's newest edition the one that is served, if it
// is another one than before. It is how an edition gets published: by this
// process, by another one, or by the one that crashed.
func (p *Publisher) adoptStored(ctx context.Context, l *list) error {
	newest, err := p.cfg.Store.Editions(ctx, l.typ, 1)
	if err != nil {
		return fmt.Errorf("reading the newest edition: %w", err)
	}
	if len(newest) == 0 || newest[0].Version == l.inStore {
		return nil
	}
	stored, err := p.cfg.Store.NewestEdition(ctx, l.typ)
	if err != nil {
		return fmt.Errorf("reading the newest edition: %w", err)
	}
	opened, err := p.openStored(l, &stored)
	if err != nil {
		// It still counts for the next version.
		p.cfg.Log.Error("the newest edition in the database does not verify and is not served", "list", l.name, "version", stored.Version, "err", err)
		l.inStore, l.due = stored.Version, true
		return nil
	}
	return p.adopt(l, newEdition(l.name, opened))
}

// openStored verifies an edition out of the store. One that holds only under
// an older trust document is served until the next one is there, which is due
// at once.
func (p *Publisher) openStored(l *list, stored *store.Edition) (*serverlist.List, error) {
	opened, err := p.open(l, stored.Document, keys.Live, time.Time{})
	if err == nil {
		return opened, nil
	}
	if opened, stale := p.open(l, stored.Document, keys.Stored, stored.Published); stale == nil {
		l.due = true
		return opened, nil
	}
	return nil, err
}

func (p *Publisher) open(l *list, data []byte, held keys.Held, firstSeen time.Time) (*serverlist.List, error) {
	want := serverlist.Want{Origin: p.cfg.Chain.Origin(), Type: l.typ, Held: held, FirstSeen: firstSeen}
	return serverlist.Open(data, want, p.cfg.Chain)
}

// adopt puts an edition of the store into the public folder and serves it,
// unless a newer one is served already.
func (p *Publisher) adopt(l *list, e *edition) error {
	if l.newest == nil || serverlist.CompareHeads(&e.head, &l.newest.head) > 0 {
		if err := p.write(p.path(l.name), e.doc.Bytes); err != nil {
			return fmt.Errorf("writing %s to the public folder: %w", l.name, err)
		}
		l.newest = e
		p.serve(e.doc)
	}
	l.inStore = e.head.Version
	return nil
}

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
