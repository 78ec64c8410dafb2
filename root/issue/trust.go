package issue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// An authority is what a publisher verifies and signs with: a chain of trust
// documents, and for each list a key that may sign it under the newest of them.
// It is immutable; who has the seat exchanges it for the next.
type authority struct {
	chain   *keys.Chain
	signers map[string]*keys.Signer // by the list's type
}

// authorize finds the private keys for the newest document of a chain.
func (p *Publisher) authorize(chain *keys.Chain) (*authority, error) {
	a := &authority{chain: chain, signers: make(map[string]*keys.Signer)}
	trust := chain.Newest()
	for _, l := range p.lists() {
		able, err := signAlone(trust, l.role)
		if err == nil {
			a.signers[l.typ], err = p.cfg.Keys(able)
		}
		if err != nil {
			return nil, &TrustError{Version: trust.Version, Problem: fmt.Sprintf("this root cannot sign %s under it (role %s)", l.name, l.role), Err: err}
		}
	}
	return a, nil
}

// signAlone returns the keys of which one signature is enough for a role.
func signAlone(t *keys.Trust, name string) ([]keys.VerifierKey, error) {
	role, ok := t.Role(name)
	if !ok {
		return nil, errors.New("it has no such role; give the role to this root's list key")
	}
	if role.Threshold != 1 {
		return nil, fmt.Errorf("the role needs %d signatures, and a root signs alone; give it the threshold 1", role.Threshold)
	}
	var able []keys.VerifierKey
	for _, k := range t.Keys {
		if slices.Contains(role.Keys, k.Name()) {
			able = append(able, k)
		}
	}
	return able, nil
}

// A TrustError refuses a trust document: because it does not hold (Err is a
// [*keys.Error]), or because this root could not publish lists under it.
type TrustError struct {
	Version int64 // of the document; 0: that is not known
	Problem string
	Err     error // the cause; nil: Problem says it all
}

func (e *TrustError) Error() string {
	text := "the trust document"
	if e.Version > 0 {
		text = fmt.Sprintf("trust document %d", e.Version)
	}
	if text += ": " + e.Problem; e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *TrustError) Unwrap() error { return e.Err }

// ErrUnfinished says that something is in the store, and with that in force,
// and could not be put into the public folder. [Publisher.Run] tries again.
var ErrUnfinished = errors.New("it is stored and not yet in the public folder, and so not yet served; the root tries again by itself")

// PublishTrust publishes the next trust document together with editions of the
// lists that hold under it, and returns it when all are on disk and served. The
// lists keep their entries. The newest document itself is taken as done already.
// Errors: [*TrustError], [ErrClock], [ErrUnfinished], and those of the store;
// with any but ErrUnfinished nothing has changed.
func (p *Publisher) PublishTrust(ctx context.Context, document []byte, admin string) (*keys.Trust, error) {
	rise, err := p.sit(ctx)
	if err != nil {
		return nil, err
	}
	defer rise()
	if err := p.ready(ctx); err != nil {
		return nil, err
	}
	for range maxRaces {
		if err = p.publishTrust(ctx, document, admin); !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return p.authority.chain.Newest(), nil
}

func (p *Publisher) publishTrust(ctx context.Context, document []byte, admin string) error {
	if err := p.catchUp(ctx, p.lists()...); err != nil {
		return err
	}
	chain, err := p.extend(document)
	if err != nil || chain == p.authority.chain {
		return err
	}
	next, err := p.authorize(chain)
	if err != nil {
		return err
	}
	return p.succeed(ctx, next, admin)
}

// extend returns the chain with a document, or as it is if it ends with that.
func (p *Publisher) extend(document []byte) (*keys.Chain, error) {
	chain := p.authority.chain
	if data, err := keys.NormalizeLines(document); err == nil && bytes.Equal(data, chain.Newest().Bytes()) {
		return chain, nil
	}
	longer, err := chain.Extend(document)
	if err != nil {
		return nil, &TrustError{Problem: fmt.Sprintf("it does not follow document %d, the newest here", chain.Newest().Version), Err: err}
	}
	t := longer.Newest()
	if t.Issued.After(p.cfg.Now().Add(maxBehind)) {
		return nil, &TrustError{Version: t.Version, Problem: fmt.Sprintf("it was issued at %s, more than a day from now: the clock of this machine is wrong, or that of the one where it was drafted",
			t.Issued.UTC().Format(time.RFC3339))}
	}
	return longer, nil
}

// succeed makes the next authority the one in force. The store takes all of it
// or nothing: the trust documents that it lacks, and each published list as it
// is, signed anew. What the store has, catchUp puts into the public folder.
func (p *Publisher) succeed(ctx context.Context, next *authority, admin string) error {
	s := store.Succession{Admin: admin}
	for _, t := range next.chain.Documents() {
		if t.Version > p.recorded {
			s.Documents = append(s.Documents, store.TrustDocument{Version: t.Version, Document: t.Bytes()})
		}
	}
	var err error
	if s.Lists, err = p.renew(ctx, next); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // from here on it is finished, whoever waits
	if err := p.cfg.Store.PublishTrust(ctx, s); err != nil {
		return fmt.Errorf("storing trust document %d: %w", next.chain.Newest().Version, err)
	}
	p.cfg.Log.Info("trust document in force", "version", next.chain.Newest().Version, "epoch", next.chain.Newest().Epoch, "admin", admin)
	if err := p.catchUp(ctx, p.lists()...); err != nil {
		p.Changed()
		return fmt.Errorf("trust document %d: %w: %w", next.chain.Newest().Version, ErrUnfinished, err)
	}
	return nil
}

// renew signs what was published before again, with the same entries.
func (p *Publisher) renew(ctx context.Context, next *authority) (swaps []store.Swap, err error) {
	mirrors := p.mirrorsVersion()
	for _, l := range p.lists() {
		if l.last() == (place{}) {
			continue // its first edition follows
		}
		signed, err := p.renewOne(ctx, next, l, mirrors)
		if err != nil {
			return nil, err
		}
		if l == p.mirrors {
			mirrors = signed.Head.Version
		}
		l.issuedAt = p.cfg.Now()
		swaps = append(swaps, store.Swap{Previous: l.inStore.version, Edition: storable(signed)})
	}
	return swaps, nil
}

func (p *Publisher) renewOne(ctx context.Context, next *authority, l *list, mirrors int64) (*serverlist.List, error) {
	if err := p.pace(ctx, l); err != nil {
		return nil, err
	}
	if l.newest != nil {
		return p.sign(next, l, l.newest.content(), mirrors)
	}
	if l.known != nil && l.known.stored { // its key is revoked; its entries are those of the store
		return p.sign(next, l, l.known.content(), mirrors)
	}
	s, err := l.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.checkRemoval(ctx, l, s); err != nil {
		return nil, err
	}
	return p.sign(next, l, s, mirrors)
}

// recordTrust gives the store the trust documents that were found in the
// public folder only: an admin put them there, or the store is new.
func (p *Publisher) recordTrust(ctx context.Context) error {
	if p.recorded >= p.authority.chain.Newest().Version {
		return nil
	}
	return p.succeed(ctx, p.authority, "")
}

// follow extends a chain by the documents that the store has beyond it, and
// returns it with the number of the store's newest one (0: none). Documents
// from the given number on are compared.
func follow(ctx context.Context, s store.Store, chain *keys.Chain, from int64) (*keys.Chain, int64, error) {
	from = max(from, 1)
	docs, err := s.Trust(ctx, from)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the trust documents: %w", err)
	}
	newest := from - 1
	for _, d := range docs {
		if chain, err = followOne(chain, d); err != nil {
			return nil, 0, err
		}
		newest = d.Version
	}
	return chain, newest, nil
}

func followOne(chain *keys.Chain, d store.TrustDocument) (*keys.Chain, error) {
	known := chain.Documents() // from 1 without gaps
	if d.Version > int64(len(known)) {
		longer, err := chain.Extend(d.Document)
		if err != nil {
			return nil, fmt.Errorf("trust document %d of the database: %w", d.Version, err)
		}
		return longer, nil
	}
	if !bytes.Equal(known[d.Version-1].Bytes(), d.Document) {
		return nil, fmt.Errorf("the database and the public folder hold two different trust documents %d: either admins have signed two of one number, or one of the two is from another root; keep the one that clients have, and restore the other from a backup", d.Version)
	}
	return chain, nil
}
