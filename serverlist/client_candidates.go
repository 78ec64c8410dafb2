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
	all       []candidate
	waiting   []candidate // in random order
	known     map[string]bool
	listed    map[string]bool // base URLs that the newest mirror list names as mirrors
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

// addNewest takes the candidates of the newest mirror list.
func (p *pool) addNewest(l *List) {
	all := candidatesOf(l)
	p.mu.Lock()
	p.listed = make(map[string]bool)
	for _, c := range all {
		p.listed[c.base] = !c.root
	}
	p.mu.Unlock()
	p.add(all)
}

// outside tells whether a candidate is the root, or a mirror that the newest
// mirror list does not name.
func (p *pool) outside(c candidate) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.listed[c.base]
}

// everyone returns all candidates so far, handed out or not.
func (p *pool) everyone() []candidate {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]candidate(nil), p.all...)
}

// add takes candidates that are not known yet.
func (p *pool) add(all []candidate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range all {
		if !p.known[c.base] {
			p.known[c.base] = true
			p.all = append(p.all, c)
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
