package serverlist

import (
	"math/rand/v2"
	"sync"
)

// A candidate is a URL at which documents may be found; see [DocumentURL].
type candidate struct {
	base     string
	operator string // hedging and comparing count operators
	root     bool
}

// rootOperator runs all URLs of the root. No entry can have this name.
const rootOperator = "\x00root"

// candidatesOf returns the URLs of a mirror list.
func candidatesOf(l *List) []candidate {
	if l == nil {
		return nil
	}
	var all []candidate
	for _, m := range l.Mirrors {
		operator := m.Operator
		if operator == "" {
			operator = "\x00" + m.ID
		}
		if m.Root {
			operator = rootOperator
		}
		for _, u := range m.URLs {
			all = append(all, candidate{base: u, operator: operator, root: m.Root})
		}
	}
	return all
}

// A pool hands out candidates, each once: in random order, those of operators
// that were not asked yet first, those that were no help lately last, and the
// root when no other is left. It is safe for concurrent use.
type pool struct {
	mu        sync.Mutex
	waiting   []candidate // in random order
	known     map[string]bool
	operators map[string]bool // asked
	settled   bool            // no more candidates will come
	more      chan struct{}
	failures  func(base string) int // refreshes in a row in which it was no help
}

func newPool(failures func(string) int, all ...candidate) *pool {
	p := &pool{
		known: make(map[string]bool), operators: make(map[string]bool),
		more: make(chan struct{}, 1), failures: failures,
	}
	p.add(all)
	return p
}

// add takes candidates that are not known yet.
func (p *pool) add(all []candidate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range all {
		if !p.known[c.base] {
			p.known[c.base] = true
			p.waiting = append(p.waiting, c)
		}
	}
	rand.Shuffle(len(p.waiting), func(i, j int) { p.waiting[i], p.waiting[j] = p.waiting[j], p.waiting[i] })
	p.signal()
}

// settle says that no more candidates will come.
func (p *pool) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled = true
	p.signal()
}

func (p *pool) signal() {
	select {
	case p.more <- struct{}{}:
	default:
	}
}

func (p *pool) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settled
}

// next takes the best candidate that waits. A patient caller does not get the
// root while the first mirrors may still come: mirrors carry the load.
func (p *pool) next(patient bool) (candidate, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	best, bestRank := -1, 0
	for i, c := range p.waiting {
		if c.root && patient && !p.settled && len(p.operators) == 0 {
			continue
		}
		if r := p.rank(c); best < 0 || r < bestRank {
			best, bestRank = i, r
		}
	}
	if best < 0 {
		return candidate{}, false
	}
	c := p.waiting[best]
	p.waiting = append(p.waiting[:best], p.waiting[best+1:]...)
	p.operators[c.operator] = true
	return c, true
}

// rank orders candidates: lower is asked earlier.
func (p *pool) rank(c candidate) int {
	rank := 0
	if p.operators[c.operator] {
		rank++
	}
	rank += 2 * min(p.failures(c.base), 100)
	if c.root {
		rank += 1000
	}
	return rank
}
