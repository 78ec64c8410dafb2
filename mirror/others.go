package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

const (
	maxAnswers = 4  // verified answers of other mirrors after which no more are asked
	maxAsked   = 16 // operators asked at most
)

// askMirrors looks for news where the root's documents are republished. It
// asks operators of the newest verified mirror list, in random order, and
// keeps the newest of what verifies; one mirror alone may be behind.
func (r *run) askMirrors(ctx context.Context) {
	answers := 0
	for i, url := range r.candidates() {
		if answers == maxAnswers || i == maxAsked || ctx.Err() != nil {
			return
		}
		answer, verified := r.askMirror(ctx, url)
		if verified {
			answers++
		}
		r.report.Mirrors = append(r.report.Mirrors, MirrorReport{url, answer})
	}
}

// candidates returns one URL of each operator but the root and this mirror.
func (r *run) candidates() []string {
	if r.mirrors == nil {
		return nil
	}
	byOperator := map[string][]string{}
	var operators []string
	for _, e := range r.mirrors.Mirrors {
		urls := slices.DeleteFunc(slices.Clone(e.URLs), r.isOwn)
		if e.Root || len(urls) == 0 {
			continue
		}
		if byOperator[e.Operator] == nil {
			operators = append(operators, e.Operator)
		}
		byOperator[e.Operator] = append(byOperator[e.Operator], urls...)
	}
	r.shuffle(operators)
	var picked []string
	for _, o := range operators {
		urls := byOperator[o]
		r.shuffle(urls)
		picked = append(picked, urls[0])
	}
	return picked
}

// isOwn tells whether a URL is one of this mirror's: what is there is known.
func (r *run) isOwn(url string) bool {
	for _, t := range r.m.cfg.Targets {
		if url == t.PublicURL {
			return true
		}
	}
	return url == r.m.cfg.Root
}

func (r *run) shuffle(s []string) {
	for i := len(s) - 1; i > 0; i-- {
		j := int(r.m.cfg.Random(time.Duration(i + 1)))
		s[i], s[j] = s[j], s[i]
	}
}

// askMirror takes what a mirror has that is newer. It returns what came of it
// in words, and whether at least one list there verified.
func (r *run) askMirror(ctx context.Context, url string) (answer string, verified bool) {
	err := r.extend(ctx, url)
	if unreachable(err) {
		return err.Error(), false
	}
	var said []string
	if err != nil {
		said = append(said, "trust: "+err.Error())
	}
	for _, d := range r.documents() {
		_, err := r.fetch(ctx, url, d)
		text, ok := describe(err, d)
		said = append(said, d.name+": "+text)
		verified = verified || ok
	}
	return strings.Join(said, "; "), verified
}

// describe says what came of fetching a document, and whether it verified.
func describe(err error, d document) (string, bool) {
	switch {
	case err == nil:
		return fmt.Sprintf("newer edition %d", (*d.held).Head.Version), true
	case errors.Is(err, serverlist.ErrNotModified):
		return "the edition that is held", true
	case errors.Is(err, serverlist.ErrOlder):
		return "an older edition", true
	default:
		return err.Error(), false
	}
}
