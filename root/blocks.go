package root

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/block"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// blockReload is how often the blocks are read again: another process may have
// changed them.
const blockReload = time.Minute

// A blockKeeper keeps the blocks at hand and counts what they have refused. It
// is safe for concurrent use.
type blockKeeper struct {
	set     atomic.Pointer[block.Set]
	seat    chan struct{} // holds one element while they are read: what was read first is put in place first
	refused prometheus.Counter

	mu   sync.Mutex
	hits map[string]int64 // by id, since the start
}

func newBlockKeeper() *blockKeeper {
	k := &blockKeeper{hits: make(map[string]int64), seat: make(chan struct{}, 1), refused: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "metaserver_requests_blocked_total", Help: "Requests that were refused because of a block.",
	})}
	k.set.Store(block.NewSet(nil))
	return k
}

// loadBlocks reads the blocks.
func (s *server) loadBlocks(ctx context.Context) error {
	s.blocks.seat <- struct{}{}
	defer func() { <-s.blocks.seat }()
	all, err := s.store.Blocks(ctx)
	if err == nil {
		s.blocks.set.Store(block.NewSet(all))
	}
	return err
}

// blocksChanged puts a change to use that is stored, whoever waits for the answer.
func (s *server) blocksChanged(ctx context.Context) error {
	return s.loadBlocks(context.WithoutCancel(ctx))
}

// keepBlocks reads the blocks again and again, until ctx ends.
func (s *server) keepBlocks(ctx context.Context) error {
	ticker := time.NewTicker(blockReload)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := s.loadBlocks(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the blocks could not be read again; those of before hold", "err", err)
		}
	}
}

// refuseSource refuses a request because of where it comes from; nil: it may
// pass.
func (s *server) refuseSource(src limit.Source) error {
	return s.refuseBlocked(block.Subject{Sources: []netip.Addr{src.Addr}})
}

// refuseContent refuses a request because of what it asks for.
func (s *server) refuseContent(entry *serverlist.Server, email string) error {
	return s.refuseBlocked(block.Subject{Server: *entry, Email: email})
}

// refuseMirror is refuseContent for a mirror.
func (s *server) refuseMirror(m *serverlist.Mirror, email string) error {
	return s.refuseBlocked(block.Subject{Mirror: *m, Email: email})
}

func (s *server) refuseBlocked(r block.Subject) error {
	b := s.blocks.set.Load().Match(r, s.cfg.Now())
	if b == nil {
		return nil
	}
	s.blocks.count(b.ID)
	if b.Public != "" {
		return problem(http.StatusForbidden, "Nothing was stored. The admins of this root say: %s", b.Public)
	}
	return problem(http.StatusForbidden, "Nothing was stored: this root takes no requests of this kind. Its admins can say more.")
}

func (k *blockKeeper) count(id string) {
	k.refused.Inc()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hits[id]++
}

func (k *blockKeeper) counted(id string) int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hits[id]
}

// blockOf returns the block that a registration in the queue would run into
// today, as one that was made after it came; nil: none.
func (s *server) blockOf(r *store.Review) *api.Block {
	subject := block.Subject{Sources: []netip.Addr{r.Source, r.LastSource}, Server: r.Server, Email: r.Email}
	if r.Findings != nil {
		for _, h := range r.Findings.Hosts {
			subject.Places = append(subject.Places, h.Addresses...)
		}
	}
	return s.blockNow(subject, r.Status)
}

// blockOfMirror is blockOf for a mirror.
func (s *server) blockOfMirror(r *store.MirrorRegistration) *api.Block {
	return s.blockNow(block.Subject{Sources: []netip.Addr{r.Source, r.LastSource}, Mirror: r.Mirror, Email: r.Email}, r.Status)
}

func (s *server) blockNow(subject block.Subject, status store.Status) *api.Block {
	b := s.blocks.set.Load().Match(subject, s.cfg.Now())
	if b == nil || status != store.Pending {
		return nil
	}
	out := s.showBlock(b)
	return &out
}

func (s *server) showBlock(b *store.Block) api.Block {
	return api.Block{
		ID: b.ID, Kind: string(b.Kind), Value: b.Value, Reason: b.Reason, Public: b.Public, Admin: b.Admin,
		Created: b.Created, Ends: timeOrNil(b.Ends), Ended: !b.Ends.IsZero() && !s.cfg.Now().Before(b.Ends),
		Refused: s.blocks.counted(b.ID),
	}
}

// listBlocks sends all blocks, oldest first.
func (s *server) listBlocks(w http.ResponseWriter, r *http.Request) error {
	all, err := s.store.Blocks(r.Context())
	if err != nil {
		return err
	}
	out := []api.Block{}
	for i := range all {
		out = append(out, s.showBlock(&all[i]))
	}
	return writeJSON(w, http.StatusOK, out)
}

// addBlock adds a block, or gives one another reason and end.
func (s *server) addBlock(w http.ResponseWriter, r *http.Request) error {
	var req api.NewBlock
	if err := s.decode(w, r, &req); err != nil {
		return err
	}
	b, err := s.checkBlock(&req)
	if err != nil {
		return err
	}
	b.Admin = adminOf(r)
	b, err = s.store.AddBlock(r.Context(), b)
	if many := new(store.TooManyError); errors.As(err, &many) {
		return problem(http.StatusConflict, "Nothing was changed: %v.", err)
	}
	if err != nil {
		return err
	}
	if err := s.blocksChanged(r.Context()); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.showBlock(&b))
}

// checkBlock makes a block of a request and names every member that is wrong.
func (s *server) checkBlock(req *api.NewBlock) (store.Block, error) {
	var problems fieldProblems
	b, err := block.Parse(store.BlockKind(req.Kind), req.Value)
	problems.check("value", err)
	b.Reason = problems.text("reason", req.Reason, serverlist.MaxDescription)
	b.Public = problems.text("public", req.Public, serverlist.MaxDescription)
	if strings.TrimSpace(req.Reason) == "" {
		problems.add("reason", "is required: later admins read it")
	}
	b.Ends = s.endOf(req.Ends, &problems)
	if len(problems) > 0 {
		return b, invalid(problems...)
	}
	return b, nil
}

// removeBlock removes a block.
func (s *server) removeBlock(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	if err := s.store.RemoveBlock(r.Context(), id, adminOf(r)); err != nil {
		return err
	}
	if err := s.blocksChanged(r.Context()); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Removed{ID: id})
}
