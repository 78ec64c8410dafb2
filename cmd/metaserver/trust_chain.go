package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/signed-metaserver/metaserver/keys"
)

// A chainWalk says where the trust documents after the pinned one are looked
// for.
type chainWalk struct {
	pinned  string
	folders []string  // beside that of the pinned one
	subject string    // the file that is judged anyway: its faults are told once; "": none
	notes   io.Writer // what was passed over
}

// load reads the pinned trust document and what follows it in the folders. As
// in any client, a document that does not hold ends the walk and costs nothing
// that is held: what lies beside may be a draft, or no document at all.
func (w *chainWalk) load(ctx context.Context) (*keys.Chain, error) {
	data, err := readTrustFile(ctx, w.pinned)
	if err != nil {
		return nil, fmt.Errorf("trust document: %w", err)
	}
	chain, err := keys.NewChain(data)
	if err != nil {
		return nil, fmt.Errorf("trust document %s: %w", w.pinned, err)
	}
	for {
		longer, passed := w.step(ctx, chain)
		if longer == nil {
			w.tell(chain, passed)
			return chain, nil
		}
		chain = longer
	}
}

// A passedOver is a file that could have been the next document.
type passedOver struct {
	path string
	data []byte
	err  error
}

// step looks for the next document in every folder. If none has it, it returns
// what was found instead.
func (w *chainWalk) step(ctx context.Context, chain *keys.Chain) (longer *keys.Chain, passed []passedOver) {
	seen := map[string]bool{}
	for _, dir := range append([]string{filepath.Dir(w.pinned)}, w.folders...) {
		path := filepath.Join(dir, fmt.Sprintf("%d.trust", chain.Newest().Version+1))
		if seen[path] {
			continue
		}
		seen[path] = true
		data, err := readTrustFile(ctx, path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			longer, err = chain.Extend(data)
		}
		if err == nil {
			return longer, nil
		}
		passed = append(passed, passedOver{path, data, err})
	}
	return nil, passed
}

// tell warns of the files at which the walk ended.
func (w *chainWalk) tell(chain *keys.Chain, passed []passedOver) {
	for _, p := range passed {
		if w.subject != "" && sameFile(w.subject, p.path) {
			continue
		}
		what, hint := p.explain(chain)
		fmt.Fprintf(w.notes, "metaserver: %s is passed over: %s\n  %s\n", cleanText(p.path), cleanText(what), cleanText(hint))
	}
}

// explain says why a file does not extend the chain, and what helps.
func (p *passedOver) explain(chain *keys.Chain) (what, hint string) {
	newest := chain.Newest().Version
	goOn := fmt.Sprintf("Trust document %d counts as the newest.", newest)
	if p.data == nil {
		return p.err.Error(), goOn + " Move it away."
	}
	text := keys.DraftText(p.data)
	doc, err := keys.ReadDraft(text)
	switch {
	case err != nil:
		return p.err.Error(), goOn + fmt.Sprintf(" Move the file away; if there is a document %d, the root and every mirror have it as trust/%[1]d.trust.", newest+1)
	case doc.Version != newest+1:
		return fmt.Sprintf("it holds document %d, which does not follow document %d", doc.Version, newest),
			goOn + fmt.Sprintf(" Name the file %d.trust; the root and every mirror have the missing one as trust/%d.trust.", doc.Version, newest+1)
	case len(text) == len(p.data):
		return "it is a draft that nobody has signed", goOn + " That is normal while the next document is being made."
	}
	var refused *keys.Error
	if errors.As(p.err, &refused) && refused.Name == "threshold" {
		return p.err.Error(), goOn + " If it is a draft that is being signed, that is normal; else take the document from the root."
	}
	return p.err.Error(), goOn + fmt.Sprintf(" Move the file away; if there is a document %d, the root and every mirror have it as trust/%[1]d.trust.", newest+1)
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

func memberOf(chain *keys.Chain, data []byte) *keys.Trust {
	for _, t := range chain.Documents() {
		if bytes.Equal(t.Bytes(), data) {
			return t
		}
	}
	return nil
}
