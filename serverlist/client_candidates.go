package serverlist

import (
	"cmp"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
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

// The mirrors of one list yield so many candidates in a round, and so do the
// roots that it marks; one host yields so many among both. A list that names a
// single host thousands of times, by mistake or by a stolen key, must not turn
// its readers into a flood.
const (
	maxCandidates        = 32
	maxCandidatesOfAHost = 4
)

// publicHost returns the host of a checked URL, without the port: many ports of
// one host are one host. It is "" for an address of the player's own network,
// which is asked only if the player wants that, and where one host may well
// stand for many.
func publicHost(base string) string {
	u, err := url.Parse(base)
	if err != nil || isPrivateHost(u.Hostname()) {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
}

// A pool hands out candidates, each once: in random order, those of operators
// that were not asked yet first, those that were no help lately last, and the
// root when no other is left. It is safe for concurrent use.
type pool struct {
	mu        sync.Mutex
	all       []candidate
	waiting   []waiter // in random order
	known     map[string]bool
	draws     map[string]draw // by text of the list
	listed    map[string]bool // base URLs that the newest mirror list names as mirrors
	operators map[string]bool // asked
	settled   bool            // no more candidates will come
	more      chan struct{}
	failures  func(base string) int // refreshes in a row in which it was no help
}

// A draw counts what was taken of a list. Each counts by itself: a hostile list
// cannot use up what the shipped one may have of a host.
type draw struct {
	kinds map[bool]int // roots (true) and mirrors
	hosts map[string]int
}

// A waiter is a candidate that was not asked yet.
type waiter struct {
	candidate
	rank int // what is known of it by itself: lower is asked earlier
}

// newPool has these candidates, however many they are.
func newPool(failures func(string) int, all ...candidate) *pool {
	p := &pool{
		known: make(map[string]bool), draws: make(map[string]draw),
		operators: make(map[string]bool), more: make(chan struct{}, 1), failures: failures,
	}
	for _, w := range p.ordered(all) {
		p.take(w)
	}
	return p
}

// addNewest takes the candidates of the newest mirror list.
func (p *pool) addNewest(l *List) {
	p.mu.Lock()
	p.listed = make(map[string]bool)
	for _, c := range candidatesOf(l) {
		p.listed[c.base] = !c.root
	}
	p.mu.Unlock()
	p.add(l)
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

// add takes candidates of a list, if any, that are not known yet: of its
// mirrors and of its roots so many as one round may have, drawn at random.
func (p *pool) add(l *List) { p.draw(l, candidatesOf(l)) }

// addRoots takes those alone that the list marks as the root.
func (p *pool) addRoots(l *List) {
	p.draw(l, slices.DeleteFunc(candidatesOf(l), func(c candidate) bool { return !c.root }))
}

func (p *pool) draw(l *List, all []candidate) {
	if l == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.draws[string(l.Text())]
	if !ok {
		d = draw{make(map[bool]int), make(map[string]int)}
		p.draws[string(l.Text())] = d
	}
	for _, w := range p.ordered(all) {
		host := publicHost(w.base)
		room := d.kinds[w.root] < maxCandidates && (host == "" || d.hosts[host] < maxCandidatesOfAHost)
		if room && p.take(w) {
			d.kinds[w.root]++
			d.hosts[host]++
		}
	}
	rand.Shuffle(len(p.waiting), func(i, j int) { p.waiting[i], p.waiting[j] = p.waiting[j], p.waiting[i] })
	p.signal()
}

// take takes a candidate that is not known yet.
func (p *pool) take(w waiter) bool {
	if p.known[w.base] {
		return false
	}
	p.known[w.base] = true
	p.all = append(p.all, w.candidate)
	p.waiting = append(p.waiting, w)
	return true
}

// ordered returns the candidates by rank, and of one rank one of each operator
// before a second of any, at random.
func (p *pool) ordered(all []candidate) []waiter {
	type place struct {
		waiter
		turn int // how many of the same operator are before it
	}
	places := make([]place, len(all))
	turns := make(map[string]int)
	for at, i := range rand.Perm(len(all)) {
		c := all[i]
		places[at] = place{waiter{c, p.rank(c)}, turns[c.operator]}
		turns[c.operator]++
	}
	slices.SortStableFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.turn, b.turn))
	})
	waiters := make([]waiter, len(places))
	for i := range places {
		waiters[i] = places[i].waiter
	}
	return waiters
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
	for i, w := range p.waiting {
		if w.root && patient && !p.settled && len(p.operators) == 0 {
			continue
		}
		rank := w.rank
		if p.operators[w.operator] {
			rank++
		}
		if best < 0 || rank < bestRank {
			best, bestRank = i, rank
		}
	}
	if best < 0 {
		return candidate{}, false
	}
	c := p.waiting[best].candidate
	p.waiting = slices.Delete(p.waiting, best, best+1)
	p.operators[c.operator] = true
	return c, true
}

// rank orders candidates by what is known of them before a round: the root
// last, and those that were no help lately late. Its steps are of two, to leave
// room for what next adds.
func (p *pool) rank(c candidate) int {
	rank := 2 * min(p.failures(c.base), 100)
	if c.root {
		rank += 1000
	}
	return rank
}
