package issue

import (
	"context"
	"fmt"

	"github.com/signed-metaserver/metaserver/keys"
)

// A Look asks others, as mirrors, what they have of this root, before a
// [Publisher] signs for the first time. If that is newer than what is held, it
// puts it into the public folder and returns the chain of trust documents under
// which it holds; a nil chain means that nothing was newer. With an error
// nothing is signed, and it is called again with the next attempt.
type Look func(ctx context.Context, held Held) (*keys.Chain, error)

// Held is what a publisher has.
type Held struct {
	Chain *keys.Chain           // trust documents, from the first
	Lists map[string]*keys.Note // the newest edition by type, even if it does not verify any more
}

// ready restores if that has not been done, and looks at what others have. The
// caller has the seat and signs nothing before.
func (p *Publisher) ready(ctx context.Context) error {
	if err := p.restored(ctx); err != nil {
		return err
	}
	if !p.hasLooked {
		chain, err := p.cfg.Look(ctx, p.held())
		if err != nil {
			return fmt.Errorf("nothing is signed before the mirrors were looked at: %w", err)
		}
		p.hasLooked, p.found = true, chain
	}
	if p.found == nil {
		return nil
	}
	next, err := p.authorityOf(p.found)
	if err != nil {
		return err
	}
	p.authority, p.found, p.isRestored = next, nil, false
	for _, l := range p.lists() {
		l.inStore = place{} // read anew, beside the public folder
	}
	return p.restored(ctx)
}

// authorityOf returns the authority of a longer chain; what others have may be under
// the same one.
func (p *Publisher) authorityOf(chain *keys.Chain) (*authority, error) {
	if chain.Newest().Version == p.authority.chain.Newest().Version {
		return p.authority, nil
	}
	return p.authorize(chain)
}

func (p *Publisher) held() Held {
	h := Held{Chain: p.authority.chain, Lists: make(map[string]*keys.Note)}
	for _, l := range p.lists() {
		if l.known != nil {
			h.Lists[l.typ] = &keys.Note{Head: l.known.head, Text: l.known.text}
		}
	}
	return h
}
