package watch

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A trustLook is how far the trust documents of a folder were found right.
type trustLook struct {
	upTo int64     // number of the last that is; 0: none
	at   time.Time // when the first was looked at
}

// trust compares the trust documents of a folder with those of the root, the
// new ones in every look and all of them once a day. Clients follow them one by
// one, so the first that is missing or wrong ends it: with it a mirror is
// incomplete or lies, and clients that have an older document do not get past it.
func (l *looker) trust(ctx context.Context, v *view, f *serverlist.Fetcher, base string) found {
	done := l.trustDone(base)
	out := found{url: base, state: store.MirrorWell}
	begun := done.upTo
	for _, doc := range v.chain.Documents()[min(begun, v.chain.Newest().Version):] {
		data, err := f.Trust(ctx, base, doc.Version)
		switch {
		case outcome(err) == serverlist.OutcomeAbsent:
			out.state = store.MirrorIncomplete
			out.problem = fmt.Sprintf("%v: clients need this document to follow changes of keys", err)
		case outcome(err) == serverlist.OutcomeRefused:
			out.state, out.problem = store.MirrorWrong, err.Error()
		case err != nil: // the lists were there: the next look tells more
			out.problem = err.Error()
		case !bytes.Equal(data, doc.Bytes()):
			out.state, out.problem, out.evidence = v.otherTrust(base, doc, data)
		}
		if out.state != store.MirrorWell || err != nil {
			break
		}
		done.upTo = doc.Version
	}
	l.mu.Lock()
	if len(l.trusts) >= maxRemembered {
		clear(l.trusts)
	}
	l.trusts[base] = done
	l.mu.Unlock()
	if out.problem == "" && done.upTo > begun {
		out.problem = l.trustBeyond(ctx, v, f, base)
	}
	return out
}

// trustDone returns how far the documents need not be looked at today.
func (l *looker) trustDone(base string) trustLook {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Now()
	if done, ok := l.trusts[base]; ok && now.Sub(done.at) < wholeEvery {
		return done
	}
	return trustLook{at: now}
}

// otherTrust judges a trust document that is not the root's. Only one that
// clients would follow is evidence: anybody can make others, as many as there
// is room for.
func (v *view) otherTrust(base string, doc *keys.Trust, data []byte) (store.MirrorState, string, []store.Evidence) {
	name := serverlist.TrustName(doc.Version)
	other, err := v.follow(doc.Version, data)
	switch {
	case err != nil:
		return store.MirrorWrong, fmt.Sprintf("%s: %s is not the document that this root has published, and does not verify: %v", base, name, err), nil
	case bytes.Equal(other.Text(), doc.Text()):
		return store.MirrorWell, "", nil // the same with other signatures, which are enough
	case doc.Version == 1:
		return store.MirrorWrong, fmt.Sprintf("%s: %s is that of somebody else", base, name), nil
	}
	return store.MirrorForked, fmt.Sprintf("%s: %s is signed and is not what this root has published under that number", base, name),
		[]store.Evidence{{URL: base + name, Held: bytes.Clone(doc.Bytes()), Served: bytes.Clone(data)}}
}

// follow reads data as trust document n of the root. The first needs no
// signature but its own.
func (v *view) follow(n int64, data []byte) (*keys.Trust, error) {
	docs := v.chain.Documents()
	if n == 1 {
		chain, err := keys.NewChain(data)
		if err != nil {
			return nil, err
		}
		return chain.Newest(), nil
	}
	chain, err := keys.NewChain(docs[0].Bytes())
	for _, d := range docs[1 : n-1] {
		if err == nil {
			chain, err = chain.Extend(d.Bytes())
		}
	}
	if err == nil {
		chain, err = chain.Extend(data)
	}
	if err != nil {
		return nil, err
	}
	return chain.Newest(), nil
}

// trustBeyond looks for documents after the newest. Clients would follow them.
func (l *looker) trustBeyond(ctx context.Context, v *view, f *serverlist.Fetcher, base string) string {
	longer, n, err := f.Extend(ctx, base, v.chain)
	if err != nil {
		return err.Error()
	}
	known := v.published.Trust() // after the fetch: it may have been published meanwhile
	if n == 0 || int64(len(known)) >= longer.Newest().Version && bytes.Equal(known[longer.Newest().Version-1].Text(), longer.Newest().Text()) {
		return ""
	}
	return fmt.Sprintf("%s: signed trust document %d is newer than any that this root has published: was it restored from a backup, or does somebody else have its admin keys?", base, longer.Newest().Version)
}
