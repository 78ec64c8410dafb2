package issue

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// An edition is a published list, reduced to what the next one needs.
type edition struct {
	head keys.Head
	text []byte   // of the head, as it was signed
	ids  []string // of the entries, ordered
	doc  *Document

	stale  bool // it holds only under an older trust document
	stored bool // it is in the store
}

// A place is where an edition stands among those of its list. Readers compare
// the epoch first.
type place struct{ epoch, version int64 }

func (e *edition) place() place { return place{e.head.Epoch, e.head.Version} }

func (a place) after(b place) bool {
	return a.epoch > b.epoch || a.epoch == b.epoch && a.version > b.version
}

func newEdition(name string, l *serverlist.List) *edition {
	e := &edition{head: l.Head, text: l.Text(), ids: idsOf(l)}
	e.doc = listDocument(name, l, e.ids)
	return e
}

// idsOf returns the ids of the entries, in their order.
func idsOf(l *serverlist.List) (ids []string) {
	for i := range l.Servers {
		ids = append(ids, l.Servers[i].ID)
	}
	for i := range l.Mirrors {
		ids = append(ids, l.Mirrors[i].ID)
	}
	return ids
}

// content returns what the edition says, to be signed again.
func (e *edition) content() *snapshot {
	return &snapshot{body: e.doc.Bytes[int64(len(e.doc.Bytes))-e.head.BodySize:], ids: e.ids}
}

// A snapshot is what the store says at one moment.
type snapshot struct {
	body   []byte
	ids    []string // ordered, as the lines of the body
	change int64
}

// snapshotServers takes the entries as they stand in the store: in canonical
// form and order. They are checked before they are signed.
func (p *Publisher) snapshotServers(ctx context.Context) (*snapshot, error) {
	s := &snapshot{}
	if p.servers.newest != nil { // about as large as the last one
		s.body = make([]byte, 0, p.servers.newest.head.BodySize+serverlist.MaxEntry)
		s.ids = make([]string, 0, len(p.servers.newest.ids)+1)
	}
	var err error
	s.change, err = p.cfg.Store.Listed(ctx, func(id string, line []byte) error {
		s.ids = append(s.ids, id)
		s.body = append(append(s.body, line...), '\n')
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the entries: %w", err)
	}
	return s, nil
}

func (p *Publisher) snapshotMirrors(ctx context.Context) (*snapshot, error) {
	mirrors, change, err := p.cfg.Store.Mirrors(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the mirrors: %w", err)
	}
	if p.cfg.RootURL != "" {
		mirrors = append(mirrors, serverlist.Mirror{
			ID: RootID, Operator: p.rootOperator(), URLs: []string{p.cfg.RootURL}, Root: true,
		})
	}
	s := &snapshot{change: change}
	slices.SortFunc(mirrors, func(a, b serverlist.Mirror) int { return strings.Compare(a.ID, b.ID) })
	for _, m := range mirrors {
		s.ids = append(s.ids, m.ID)
	}
	s.body, err = serverlist.EncodeMirrors(mirrors)
	return s, err
}

// rootOperator returns the origin. An origin may be longer than the name of an
// operator; then the entry has none.
func (p *Publisher) rootOperator() string {
	origin := p.authority.chain.Origin()
	if len(origin) > serverlist.MaxText {
		return ""
	}
	return origin
}

// RootID is the id of the root's own entry in the mirror list. No mirror may
// have it.
const RootID = "root"

// Publish brings the list of this type up to date: a new edition if the store
// says something else than the newest one or that one is due again, nothing
// otherwise. It returns when the edition is on disk and served. Errors:
// [*RemovalError], [ErrClock], and those of the store, the signer, and the
// disk; whatever fails, what was served stays served.
func (p *Publisher) Publish(ctx context.Context, typ string) error {
	l, err := p.list(typ)
	if err != nil {
		return err
	}
	rise, err := p.sit(ctx)
	if err != nil {
		return err
	}
	defer rise()
	attempt, began := p.begin(l), p.cfg.Now()
	change, err := p.publish(ctx, l)
	p.cfg.Took(l.name, p.cfg.Now().Sub(began), err)
	p.end(l, attempt, change, err)
	return err
}

// maxRaces is how often in a row another publisher may be faster.
const maxRaces = 10

// publish returns the change that is served afterwards.
func (p *Publisher) publish(ctx context.Context, l *list) (change int64, err error) {
	if err := p.ready(ctx); err != nil {
		return 0, err
	}
	for range maxRaces {
		change, err = p.publishOnce(ctx, l)
		if !errors.Is(err, store.ErrConflict) {
			break
		}
		p.cfg.Log.Info("another publisher was faster; taking its edition over", "list", l.name)
	}
	return change, err
}

// publishOnce issues an edition if one is needed.
func (p *Publisher) publishOnce(ctx context.Context, l *list) (change int64, err error) {
	if err := p.catchUp(ctx, l); err != nil {
		return 0, err
	}
	if err := p.recordTrust(ctx); err != nil {
		return 0, err
	}
	if err := p.pace(ctx, l); err != nil {
		return 0, err
	}
	s, err := l.snapshot(ctx)
	if err != nil {
		return 0, err
	}
	if !p.needed(l, s) {
		return s.change, nil
	}
	if err := p.checkRemoval(ctx, l, s); err != nil {
		return 0, errors.Join(err, p.reissue(ctx, l))
	}
	signed, err := p.sign(p.authority, l, s, p.mirrorsVersion())
	if err != nil {
		return 0, err
	}
	if err := p.commit(ctx, l, signed, s.change); err != nil {
		return 0, err
	}
	l.behind = false
	return s.change, nil
}

// reissue signs the newest edition again, with the same entries, when it is
// due: it must not grow stale while another one waits for an admin.
// An edition that is not in the store stays what it is: stored, it would look
// at the next start as if this database had published it.
func (p *Publisher) reissue(ctx context.Context, l *list) error {
	if l.behind || !p.isDue(l) {
		return nil
	}
	signed, err := p.sign(p.authority, l, l.known.content(), p.mirrorsVersion())
	if err != nil {
		return err
	}
	return p.commit(ctx, l, signed, 0)
}

// needed tells whether there is anything to say that the newest edition does
// not say.
func (p *Publisher) needed(l *list, s *snapshot) bool {
	return p.isDue(l) || l.newest.head.BodySHA256 != sha256.Sum256(s.body)
}

// isDue tells whether the newest edition has to be signed again even if its
// entries stay.
func (p *Publisher) isDue(l *list) bool {
	if l.newest == nil || l.newest.stale || l.due {
		return true
	}
	h := &l.newest.head
	trust := p.authority.chain.Newest()
	return h.Trust < trust.Version || h.Epoch < trust.Epoch ||
		!p.cfg.Now().Before(h.Issued.Add(l.every))
}

// mirrorsVersion returns the version of the newest mirror list; 0: none.
func (p *Publisher) mirrorsVersion() int64 {
	if p.mirrors.newest == nil {
		return 0
	}
	return p.mirrors.newest.head.Version
}

// sign makes a new edition and looks at it as a client would: nothing goes out
// that a client refuses. mirrors is the version of the mirror list that a
// server list names.
func (p *Publisher) sign(a *authority, l *list, s *snapshot, mirrors int64) (*serverlist.List, error) {
	version, err := p.nextVersion(l, a.chain.Newest().Epoch)
	if err != nil {
		return nil, err
	}
	issued := time.Unix(version, 0).UTC()
	trust := a.chain.Newest()
	draft := serverlist.Draft{
		Origin: a.chain.Origin(), Type: l.typ, Version: version, Epoch: trust.Epoch,
		Issued: issued, FreshUntil: issued.Add(p.cfg.FreshFor), OldAfter: issued.Add(p.cfg.OldAfter),
		Trust: trust.Version, Body: s.body,
	}
	if l == p.servers {
		draft.Mirrors = mirrors
	}
	signer := a.signers[l.typ]
	data, err := draft.Sign(signer)
	if err != nil {
		return nil, fmt.Errorf("signing %s: %w%s", l.name, err, s.culprit(err))
	}
	opened, err := a.open(l, data, keys.Live, time.Time{})
	if err != nil {
		return nil, fmt.Errorf("the new %s, signed by %s, would be refused by clients: %w", l.name, signer.VerifierKey().Name(), err)
	}
	return opened, nil
}

// culprit names the entry that an error is about.
func (s *snapshot) culprit(err error) string {
	var e *keys.Error
	if !errors.As(err, &e) || e.Layer != keys.LayerEntry || e.Line < 1 || e.Line > len(s.ids) {
		return ""
	}
	return fmt.Sprintf("; entry %q is to blame", s.ids[e.Line-1])
}

// commit publishes a signed edition: in the store if nobody was faster, then
// in the public folder, then to be served. change is the newest one that it
// includes; 0: the same entries as before.
func (p *Publisher) commit(ctx context.Context, l *list, signed *serverlist.List, change int64) error {
	e := newEdition(l.name, signed)
	stored := storable(signed)
	stored.Change = change
	if err := p.cfg.Store.PublishEdition(ctx, l.inStore.version, stored); err != nil {
		return fmt.Errorf("storing the new %s: %w", l.name, err)
	}
	l.issuedAt = p.cfg.Now()
	e.stored = true
	if err := p.release(p.authority, []news{{l, e.place(), e, e}}); err != nil {
		return err
	}
	p.cfg.Log.Info("published", "list", l.name, "version", e.head.Version, "epoch", e.head.Epoch, "entries", len(e.ids))
	return p.catchUp(ctx, l) // another process may have been faster with the files
}

func storable(l *serverlist.List) store.Edition {
	return store.Edition{
		IDs:  idsOf(l),
		Type: l.Head.Type, Version: l.Head.Version, Epoch: l.Head.Epoch, Issued: l.Head.Issued,
		Head: l.Text(), Document: l.Bytes(), Entries: len(l.Servers) + len(l.Mirrors),
	}
}

const (
	// shortWait is how far the clock may be behind the newest edition for
	// that to be a matter of waiting.
	shortWait = 10 * time.Second
	// maxBehind is how far ahead of the clock clients and mirrors accept an
	// edition.
	maxBehind = 24 * time.Hour
)

// last returns the place that the next edition must come after.
func (l *list) last() place {
	if l.known != nil && l.known.place().after(l.inStore) {
		return l.known.place()
	}
	return l.inStore
}

// pace waits for the second after the newest edition, so that there is at most
// one edition a second and none dated into the future. It does not wait for a
// clock that is wrong.
func (p *Publisher) pace(ctx context.Context, l *list) error {
	now := p.cfg.Now()
	wait := time.Unix(l.last().version, 0).Add(time.Second).Sub(now)
	if since := now.Sub(l.issuedAt); wait > shortWait && since >= 0 && since < time.Second {
		wait = time.Second - since // versions go on in steps of one, one a second
	}
	if wait <= 0 || wait > shortWait {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// nextVersion returns the second of now, or the one after the newest edition
// if that was dated by a clock that was ahead. A new epoch ends that: it begins
// at now.
func (p *Publisher) nextVersion(l *list, epoch int64) (int64, error) {
	now, last := p.cfg.Now().Unix(), l.last()
	behind := last.version - now // in seconds, as a Duration does not hold every version
	switch {
	case behind < 0, epoch > last.epoch && behind > int64(shortWait/time.Second):
		return now, nil
	case behind >= int64(maxBehind/time.Second):
		return 0, fmt.Errorf("%w (newest edition of %s: %s, clock: %s)", ErrClock, l.name,
			time.Unix(last.version, 0).UTC().Format(time.RFC3339), p.cfg.Now().UTC().Format(time.RFC3339))
	}
	p.cfg.Log.Warn("the clock is behind the newest edition, which may have been dated by a wrong clock; numbering goes on from there",
		"list", l.name, "seconds", behind)
	return last.version + 1, nil
}
